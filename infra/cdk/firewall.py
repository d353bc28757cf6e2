"""AWS WAF for CloudFront, whose web ACLs AWS keeps in us-east-1; so this stack is there.

The other stacks are in the region of the deployment. The one that needs the web ACL reads its ARN
from here (``Fn::GetStackOutput``, which crosses regions).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aws_cdk import App, CfnOutput, Fn, RemovalPolicy
from aws_cdk import aws_logs as logs
from aws_cdk import aws_wafv2 as waf

from infra.cdk.network import log_retention
from infra.cdk.options import Options
from infra.cdk.project_stack import ProjectStack

REGION: Final = "us-east-1"
_OUTPUT: Final = "WebAclArn"
# Above the gateway's own limit for an address (100 a minute), whose answer is the kinder one.
_REQUESTS: Final = 1_000
_WINDOW_S: Final = 300

# Rules that read bodies only count: a password may have any characters, so it may look like an
# attack. So does the rule on missing user agents: a client need not name itself.
_COUNTED: Final = {
    "AWSManagedRulesCommonRuleSet": (
        "CrossSiteScripting_BODY",
        "EC2MetaDataSSRF_BODY",
        "GenericLFI_BODY",
        "GenericRFI_BODY",
        "NoUserAgent_HEADER",
        "SizeRestrictions_BODY",
    ),
    "AWSManagedRulesKnownBadInputsRuleSet": (
        "JavaDeserializationRCE_BODY",
        "Log4JRCE_BODY",
        "ReactJSRCE_BODY",
    ),
    "AWSManagedRulesAmazonIpReputationList": (),
}


class FirewallStack(ProjectStack):
    """A web ACL: AWS's managed rules, and a limit for each address."""

    def __init__(self, app: App, options: Options) -> None:
        super().__init__(app, "firewall", options, REGION)
        name = self.stack_name
        acl = waf.CfnWebACL(
            self,
            "WebAcl",
            name=name,
            scope="CLOUDFRONT",
            default_action={"allow": {}},
            rules=[_rate_rule(), *map(_managed, _COUNTED, range(1, 10), _COUNTED.values())],
            data_protection_config={"dataProtections": [_hidden("BODY"), _hidden_header()]},
            visibility_config=_watched(name),
        )
        self._log(acl)
        CfnOutput(self, _OUTPUT, value=acl.attr_arn)

    def _log(self, acl: waf.CfnWebACL) -> None:
        """Log refused requests; the others are in the gateway's log."""
        records = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"aws-waf-logs-{self.stack_name}",  # WAF wants it to begin so
            retention=log_retention(self.options.stage),
            removal_policy=RemovalPolicy.DESTROY,
        )
        refused = {
            "Behavior": "KEEP",
            "Conditions": [{"ActionCondition": {"Action": "BLOCK"}}],
            "Requirement": "MEETS_ANY",
        }
        waf.CfnLoggingConfiguration(
            self,
            "Logging",
            resource_arn=acl.attr_arn,
            log_destination_configs=[records.log_group_arn],
            logging_filter={"DefaultBehavior": "DROP", "Filters": [refused]},
        )


def web_acl_arn(firewall: FirewallStack) -> str:
    """Return the web ACL's ARN, for a stack of any region."""
    return Fn.get_stack_output(firewall.stack_name, _OUTPUT, REGION)


def _rate_rule() -> waf.CfnWebACL.RuleProperty:
    later = waf.CfnWebACL.CustomHTTPHeaderProperty(name="retry-after", value=str(_WINDOW_S))
    return waf.CfnWebACL.RuleProperty(
        name="Rate",
        priority=0,
        statement=waf.CfnWebACL.StatementProperty(
            rate_based_statement=waf.CfnWebACL.RateBasedStatementProperty(
                aggregate_key_type="IP", limit=_REQUESTS, evaluation_window_sec=_WINDOW_S
            )
        ),
        action=waf.CfnWebACL.RuleActionProperty(
            block=waf.CfnWebACL.BlockActionProperty(
                custom_response=waf.CfnWebACL.CustomResponseProperty(
                    response_code=429, response_headers=[later]
                )
            )
        ),
        visibility_config=_watched("Rate"),
    )


def _managed(name: str, priority: int, counted: Sequence[str]) -> waf.CfnWebACL.RuleProperty:
    overrides = [
        waf.CfnWebACL.RuleActionOverrideProperty(
            name=rule, action_to_use=waf.CfnWebACL.RuleActionProperty(count={})
        )
        for rule in counted
    ]
    return waf.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        statement=waf.CfnWebACL.StatementProperty(
            managed_rule_group_statement=waf.CfnWebACL.ManagedRuleGroupStatementProperty(
                vendor_name="AWS", name=name, rule_action_overrides=overrides
            )
        ),
        override_action=waf.CfnWebACL.OverrideActionProperty(none={}),
        visibility_config=_watched(name),
    )


def _watched(metric: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    """Return a metric without samples of requests, which would show passwords."""
    return waf.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=metric, sampled_requests_enabled=False
    )


def _hidden(kind: str) -> dict[str, object]:
    """Return the protection of a field that WAF must not show anywhere."""
    return {
        "action": "SUBSTITUTION",
        "field": {"fieldType": kind},
        "excludeRuleMatchDetails": False,
    }


def _hidden_header() -> dict[str, object]:
    field = {"fieldType": "SINGLE_HEADER", "fieldKeys": ["authorization"]}
    return {**_hidden("SINGLE_HEADER"), "field": field}
