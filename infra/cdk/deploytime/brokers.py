"""Custom resource ``Custom::Brokers``: an MSK cluster's addresses, which CloudFormation lacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.runtime.custom_resource import answer_with


def _brokers(properties: Mapping[str, Any]) -> dict[str, str]:
    import boto3  # comes with the Lambda runtime

    found = boto3.client("kafka").get_bootstrap_brokers(ClusterArn=properties["ClusterArn"])
    addresses = found.get("BootstrapBrokerStringSaslIam")
    if not addresses:
        raise ValueError("The cluster has no addresses for IAM; is IAM turned on?")
    return {"BootstrapServers": addresses}


handler = answer_with(_brokers)
