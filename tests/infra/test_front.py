"""Where CloudFront stands before the API, nothing gets past it, and the firewall sees all."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable

import pytest

from infra.cdk.environments import DEV
from infra.cdk.firewall import REGION
from infra.cdk.naming import ROOT
from tests.infra.synthesis import Assembly, Json, dev, on_own_kafka, prod, synthesized

FRONTED = pytest.mark.parametrize("made", [prod, on_own_kafka], ids=lambda made: made.__name__)
Made = Callable[[], Assembly]


def distribution(assembly: Assembly) -> Json:
    config: Json = assembly.only("front", "AWS::CloudFront::Distribution")["DistributionConfig"]
    return config


def gateway(assembly: Assembly) -> Json:
    """Return the gateway's variables."""
    resource: Json = assembly.templates["service"]["Resources"]["GatewayFunction"]
    variables: Json = resource["Properties"]["Environment"]["Variables"]
    return variables


@FRONTED
def test_the_gateway_serves_only_what_brings_the_secret_that_cloudfront_adds(made: Made) -> None:
    (origin,) = distribution(made())["Origins"]
    (header,) = origin["OriginCustomHeaders"]

    assert gateway(made())["FRONT"] == "cloudfront"
    assert header["HeaderName"] == "x-origin-secret"
    assert "{{resolve:secretsmanager:" in str(header["HeaderValue"])
    assert "SecretsFront" in str(header["HeaderValue"])
    assert "ORIGIN_SECRET" in str(header["HeaderValue"])
    assert ".execute-api." in str(origin["DomainName"])
    assert origin["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"


def test_dev_has_no_front_unless_it_gets_a_name() -> None:
    named = synthesized(
        environment="dev",
        domain_name="api.example.com",
        hosted_zone_id="Z0123456789ABCDEFGHIJ",
        certificate_arn="arn:aws:acm:us-east-1:123456789012:certificate/0",
    )

    assert not DEV.front
    assert "front" not in dev().templates
    assert gateway(dev())["FRONT"] == "none"
    assert distribution(named)["Aliases"] == ["api.example.com"]
    assert gateway(named)["FRONT"] == "cloudfront"


@FRONTED
def test_nothing_is_cached_and_everything_but_the_host_is_passed_on(made: Made) -> None:
    behaviour = distribution(made())["DefaultCacheBehavior"]

    # Managed policies (CloudFront Developer Guide): CachingDisabled, AllViewerExceptHostHeader.
    assert behaviour["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
    assert behaviour["OriginRequestPolicyId"] == "b689b0a8-53d0-40ab-baf2-68738e2966ac"
    assert set(behaviour["AllowedMethods"]) >= {"GET", "POST", "PATCH", "DELETE"}
    assert behaviour["ViewerProtocolPolicy"] == "https-only"


@FRONTED
def test_a_client_cannot_choose_its_address(made: Made) -> None:
    (association,) = distribution(made())["DefaultCacheBehavior"]["FunctionAssociations"]
    code = made().only("front", "AWS::CloudFront::Function")["FunctionCode"]

    assert association["EventType"] == "viewer-request"
    assert code == (ROOT / "infra/cdk/viewer_address.js").read_text()
    said = run(code, {"x-viewer-address": {"value": "198.51.100.7"}, "accept": {"value": "*/*"}})
    assert said == {"x-viewer-address": {"value": "192.0.2.1"}, "accept": {"value": "*/*"}}


def run(code: str, headers: Json) -> Json:
    """Return a request's headers behind CloudFront's function."""
    event = {"viewer": {"ip": "192.0.2.1"}, "request": {"headers": headers}}
    program = f"{code}; console.log(JSON.stringify(handler({json.dumps(event)}).headers))"
    node = shutil.which("node")
    assert node, "Node.js is needed"
    done = subprocess.run([node, "-e", program], capture_output=True, text=True, check=True)
    found: Json = json.loads(done.stdout)
    return found


@FRONTED
def test_the_firewall_is_where_cloudfront_looks_for_it(made: Made) -> None:
    acl = made().only("firewall", "AWS::WAFv2::WebACL")
    manifest = made().manifest()

    assert acl["Scope"] == "CLOUDFRONT"
    assert manifest["firewall"]["environment"].endswith(f"/{REGION}")
    assert manifest["front"]["environment"].endswith("/unknown-region")
    assert distribution(made())["WebACLId"] == {
        "Fn::GetStackOutput": {
            "StackName": made().stack_name("firewall"),
            "OutputName": "WebAclArn",
            "Region": REGION,
        }
    }
    assert "WebAclArn" in made().templates["firewall"]["Outputs"]
    assert "firewall" in manifest["front"]["dependencies"]


@FRONTED
def test_the_firewall_refuses_floods_and_known_attacks_but_no_password(made: Made) -> None:
    rules = {rule["Name"]: rule for rule in made().only("firewall", "AWS::WAFv2::WebACL")["Rules"]}

    rate = rules.pop("Rate")
    assert rate["Action"]["Block"]["CustomResponse"]["ResponseCode"] == 429
    assert rate["Statement"]["RateBasedStatement"]["AggregateKeyType"] == "IP"
    assert {"AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet"} < set(rules)
    for rule in rules.values():
        group = rule["Statement"]["ManagedRuleGroupStatement"]
        assert rule["OverrideAction"] == {"None": {}}
        for override in group.get("RuleActionOverrides", []):
            assert override["ActionToUse"] == {"Count": {}}
            assert override["Name"].endswith("_BODY") or override["Name"] == "NoUserAgent_HEADER"


@FRONTED
def test_no_password_or_token_reaches_the_firewalls_log(made: Made) -> None:
    acl = made().only("firewall", "AWS::WAFv2::WebACL")
    hidden = acl["DataProtectionConfig"]["DataProtections"]

    assert [each["Field"]["FieldType"] for each in hidden] == ["BODY", "SINGLE_HEADER"]
    assert hidden[1]["Field"]["FieldKeys"] == ["authorization"]
    assert not any(each["ExcludeRuleMatchDetails"] for each in hidden)
    for rule in (acl, *acl["Rules"]):
        assert rule["VisibilityConfig"]["SampledRequestsEnabled"] is False


def test_the_name_is_cloudfronts() -> None:
    records = prod().resources("front", "AWS::Route53::RecordSet").values()

    assert {each["Properties"]["Name"] for each in records} == {"api.example.com."}
    assert {each["Properties"]["Type"] for each in records} == {"A", "AAAA"}
    # The hosted zone of all distributions (Route 53 API Reference, "AliasTarget").
    zones = {each["Properties"]["AliasTarget"]["HostedZoneId"] for each in records}
    assert zones == {"Z2FDTNDATAQYW2"}
    assert distribution(prod())["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1.2_2021"


@FRONTED
def test_operators_hear_when_cloudfront_is_not_told_the_next_secret(made: Made) -> None:
    alarm = made().only("front", "AWS::CloudWatch::Alarm")
    rule = made().only("front", "AWS::Events::Rule")

    assert alarm["AlarmActions"]
    assert alarm["MetricName"] == "Errors"
    assert rule["ScheduleExpression"] == "rate(1 day)"
