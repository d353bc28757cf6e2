"""CloudFront before the API, with AWS WAF, which AWS attaches to no HTTP API; and the API's name.

The API stays reachable under the name that AWS gave it, because CloudFront reaches it there. But
the gateway serves only requests with a secret header that CloudFront adds
(``gateway.middleware.cloudfront``). The secret is exchanged with the functions' keys.
"""

from __future__ import annotations

from typing import Final, TypedDict

from aws_cdk import App, CfnOutput, Duration
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_route53_targets as route53_targets

from infra.cdk.deploytime_function import DeployTimeFunction
from infra.cdk.firewall import FirewallStack, web_acl_arn
from infra.cdk.function_secrets import FunctionSecrets
from infra.cdk.naming import ROOT
from infra.cdk.options import Options
from infra.cdk.project_stack import ProjectStack
from infra.cdk.service import ServiceStack

_ORIGIN_HEADER: Final = "x-origin-secret"
_VIEWER_ADDRESS: Final = ROOT / "infra/cdk/viewer_address.js"
_DAY: Final = Duration.days(1)


class _OwnName(TypedDict, total=False):
    """The further properties of a distribution with its own name."""

    domain_names: list[str]
    certificate: acm.ICertificate
    minimum_protocol_version: cloudfront.SecurityPolicyProtocol


class FrontStack(ProjectStack):
    """The distribution, the API's own name, and the exchange of the secret."""

    def __init__(
        self,
        app: App,
        options: Options,
        *,
        service: ServiceStack,
        secrets: FunctionSecrets,
        firewall: FirewallStack,
    ) -> None:
        super().__init__(app, "front", options)
        self._service = service
        self._secrets = secrets
        distribution = self._distribution(web_acl_arn(firewall))
        self._exchange_secret(distribution)
        if options.domain_name:
            self._records(distribution)
        host = options.domain_name or distribution.distribution_domain_name
        CfnOutput(self, "Url", value=f"https://{host}")

    def _distribution(self, firewall: str) -> cloudfront.Distribution:
        return cloudfront.Distribution(
            self,
            "Distribution",
            comment=self.stack_name,
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            web_acl_id=firewall,
            default_behavior=cloudfront.BehaviorOptions(
                origin=self._origin(),
                allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
                cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
                # The API needs its own name in the header Host.
                origin_request_policy=(
                    cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER
                ),
                response_headers_policy=cloudfront.ResponseHeadersPolicy.SECURITY_HEADERS,
                viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
                function_associations=[self._viewer_address()],
            ),
            **self._own_name(),
        )

    def _own_name(self) -> _OwnName:
        """Return name and certificate, if there is a name.

        Without one, CloudFront's certificate comes with CloudFront's choice of TLS.
        """
        if not self.options.domain_name:
            return {}
        return {
            "domain_names": [self.options.domain_name],
            "certificate": acm.Certificate.from_certificate_arn(
                self, "Certificate", self.options.certificate_arn
            ),
            "minimum_protocol_version": cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
        }

    def _origin(self) -> origins.HttpOrigin:
        api = self._service.resource("Api").ref
        secret = self._secrets.front.secret_value_from_json("ORIGIN_SECRET")
        return origins.HttpOrigin(
            f"{api}.execute-api.{self.region}.{self.url_suffix}",
            protocol_policy=cloudfront.OriginProtocolPolicy.HTTPS_ONLY,
            origin_ssl_protocols=[cloudfront.OriginSslPolicy.TLS_V1_2],
            # Read when the distribution is made or changed; the template only names the secret.
            custom_headers={_ORIGIN_HEADER: secret.unsafe_unwrap()},
        )

    def _viewer_address(self) -> cloudfront.FunctionAssociation:
        return cloudfront.FunctionAssociation(
            event_type=cloudfront.FunctionEventType.VIEWER_REQUEST,
            function=cloudfront.Function(
                self,
                "ViewerAddress",
                function_name=self.stack_name,
                runtime=cloudfront.FunctionRuntime.JS_2_0,
                code=cloudfront.FunctionCode.from_inline(_VIEWER_ADDRESS.read_text()),
            ),
        )

    def _exchange_secret(self, distribution: cloudfront.Distribution) -> None:
        secret = self._secrets.front.secret_arn
        origin = DeployTimeFunction(
            self,
            "Origin",
            module="origin",
            options=self.options,
            statements=[
                iam.PolicyStatement(
                    actions=["cloudfront:GetDistributionConfig", "cloudfront:UpdateDistribution"],
                    resources=[distribution.distribution_arn],
                ),
                iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[secret]),
                iam.PolicyStatement(actions=["kms:Decrypt"], resources=[self._secrets.key.key_arn]),
            ],
        )
        told = {"DistributionId": distribution.distribution_id, "SecretArn": secret}
        target = targets.LambdaFunction(
            origin.function, event=events.RuleTargetInput.from_object(told)
        )
        events.Rule(
            self,
            "Exchange",
            description="Tells CloudFront the secret that is current",
            schedule=events.Schedule.rate(_DAY),
            targets=[target],
        )
        alarm = origin.function.metric_errors(period=_DAY).create_alarm(
            self,
            "NotExchanged",
            alarm_description="CloudFront keeps an old secret; after two months it is shut out",
            threshold=1,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self._service.alarms))

    def _records(self, distribution: cloudfront.Distribution) -> None:
        for kind in ("A", "AAAA"):
            route53.CfnRecordSet(
                self,
                f"Record{kind}",
                hosted_zone_id=self.options.hosted_zone_id,
                name=f"{self.options.domain_name}.",
                type=kind,
                alias_target=route53.CfnRecordSet.AliasTargetProperty(
                    dns_name=distribution.distribution_domain_name,
                    hosted_zone_id=route53_targets.CloudFrontTarget.CLOUDFRONT_ZONE_ID,
                ),
            )
