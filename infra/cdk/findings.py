"""cdk-nag's accepted findings, each with its reason."""

from __future__ import annotations

import json
from typing import Final

from aws_cdk import Acknowledgment, App, Validations
from constructs import IConstruct

from infra.cdk.service import ServiceStack

_OWN_ROTATION: Final = (
    "The function Keys rotates these secrets at once, every month: a key must be known to its "
    "reader before its writer uses it, which one secret's rotation cannot see to."
)
_NETWORK_INTERFACES: Final = "A function in a network: these EC2 actions know no resources."
_READER_GROUPS: Final = (
    "The event source mappings' consumer groups are named after their ids, and an id that a policy "
    "depends on would depend on the policy. Replies go to any topic that ends in .reply."
)
_FUNCTION_ROLE: Final = (
    "The rule cannot read the Fn::If. The one managed policy is AWSLambdaENIManagementAccess: "
    "exactly the network interfaces of a function."
)

EXPLAINED: Final = (
    # Where (the end of a construct's path), which rule, why.
    ("Secrets/Gateway/Resource", "AwsSolutions-SMG4", _OWN_ROTATION),
    ("Secrets/User/Resource", "AwsSolutions-SMG4", _OWN_ROTATION),
    ("Secrets/Notification/Resource", "AwsSolutions-SMG4", _OWN_ROTATION),
    ("Secrets/Front/Resource", "AwsSolutions-SMG4", _OWN_ROTATION),
    (
        "Secrets/Migration/Resource",
        "AwsSolutions-SMG4",
        "An address and a role; the password that goes with them is RDS's, which exchanges it.",
    ),
    (
        "Function/Resource",
        "AwsSolutions-L1",
        "The packages in dist/ are built for python3.13, the functions' runtime.",
    ),
    (
        "data/Database/Cluster/Resource",
        "AwsSolutions-RDS10",
        "Only where the environment's data may go: prod is protected.",
    ),
    (
        "front/Distribution/Resource",
        "AwsSolutions-CFR1",
        "People sign in from wherever they are.",
    ),
    (
        "front/Distribution/Resource",
        "AwsSolutions-CFR3",
        "What passes is in the API's and the gateway's logs, what is refused in the firewall's.",
    ),
    (
        "front/Distribution/Resource",
        "AwsSolutions-CFR4",
        "With a name of its own it is TLS 1.2; CloudFront's own certificate takes no choice.",
    ),
    ("Topics/Role/Resource", "AwsSolutions-IAM5[Resource::*]", _NETWORK_INTERFACES),
    ("Template/GatewayRole", "AwsSolutions-IAM4", _FUNCTION_ROLE),
    ("Template/UserRole", "AwsSolutions-IAM4", _FUNCTION_ROLE),
    ("Template/MigrationRole", "AwsSolutions-IAM4", _FUNCTION_ROLE),
    ("Template/NotificationRole", "AwsSolutions-IAM4", _FUNCTION_ROLE),
)
_WILDCARDS: Final = {
    # A policy in template.yaml, and what of its resources ends in more than one name.
    "UserKafkaPolicy": ("group/${Cluster}/*", "topic/${Cluster}/*.reply"),
    "NotificationKafkaPolicy": ("group/${Cluster}/*",),
}
_DECIDED: Final = (
    "template.yaml is made for every kind of Kafka. Bound to one, its conditions are decided."
)
_VALIDATOR: Final = ("W1028", "W8003", "W9053")


def acknowledge(app: App, service: ServiceStack) -> None:
    """Accept each finding, with its reason."""
    for construct in app.node.find_all():
        for end, rule, reason in EXPLAINED:
            if f"/{construct.node.path}".endswith(f"/{end}"):
                _accept(construct, f"AwsSolutions::{rule}", reason)
    for policy, resources in _WILDCARDS.items():
        for resource in resources:
            finding = f"AwsSolutions-IAM5[Resource::{_as_found(service, resource)}]"
            _accept(service.resource(policy), f"AwsSolutions::{finding}", _READER_GROUPS)
    for rule in _VALIDATOR:
        _accept(service, f"CloudFormation-Validate::{rule}", _DECIDED)


def _as_found(service: ServiceStack, resource: str) -> str:
    """Return the rule's name of a resource: the JSON of its ``Fn::Sub``."""
    cluster: object = {"Fn::Select": [1, {"Fn::Split": [":cluster/", service.msk_cluster_arn]}]}
    if isinstance(service.msk_cluster_arn, str):  # then CDK takes it apart itself
        cluster = service.msk_cluster_arn.partition(":cluster/")[2]
    arn = f"arn:${{AWS::Partition}}:kafka:${{AWS::Region}}:${{AWS::AccountId}}:{resource}"
    return json.dumps([arn, {"Cluster": cluster}], separators=(",", ":"))


def _accept(construct: IConstruct, rule: str, reason: str) -> None:
    Validations.of(construct).acknowledge(Acknowledgment(id=rule, reason=reason))
