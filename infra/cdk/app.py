"""Which stacks there are, and in which order they are deployed."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from aws_cdk import App, Stack, Tags, Validations
from cdk_nag import AwsSolutionsChecks

from infra.cdk.bus import MskStack, OwnBusStack
from infra.cdk.data import DataStack, SecretsStack
from infra.cdk.findings import acknowledge
from infra.cdk.firewall import FirewallStack
from infra.cdk.front import FrontStack
from infra.cdk.function_secrets import FunctionSecrets
from infra.cdk.naming import PROJECT, ROOT
from infra.cdk.network import NetworkStack
from infra.cdk.operations import OperationsStack
from infra.cdk.options import Options, SelfManaged, read_options, read_self_managed
from infra.cdk.service import ServiceStack

# CDK takes it for taggable, CloudFormation does not.
_UNTAGGED = ["AWS::RDS::DBProxyTargetGroup"]


class _Service(NamedTuple):
    """The service's stack and its secrets."""

    stack: ServiceStack
    secrets: FunctionSecrets


def add_stacks(app: App) -> Options:
    """Add all stacks that the app's context asks for.

    Raises:
        OptionError: the context cannot be used.
        NotBuilt: ``make build`` has not been run.
    """
    options = read_options(app.node.try_get_context)
    if options.self_managed:
        service = _on_own(app, options, read_self_managed(ROOT / Path(options.self_managed)))
    else:
        service = _complete(app, options)
    if options.has_front:
        _front(app, options, service)
    OperationsStack(app, options, service.stack)
    for tag, value in (("project", PROJECT), ("environment", options.environment)):
        Tags.of(app).add(tag, value, exclude_resource_types=_UNTAGGED)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    acknowledge(app, service.stack)
    return options


def _complete(app: App, options: Options) -> _Service:
    """Add network, data and Kafka, and the service on top."""
    network = NetworkStack(app, options)
    data = DataStack(app, options, network)
    bus = MskStack(app, options, network, data.secrets.key)
    service = ServiceStack(
        app,
        options,
        kafka=bus.kafka,
        secrets=data.secrets,
        subnet_ids=network.subnet_ids,
        security_group_ids=[network.functions.security_group_id],
        stores=data.stores,
    )
    _deploy_last(service, data, bus)
    return _Service(service, data.secrets)


def _on_own(app: App, options: Options, own: SelfManaged) -> _Service:
    """Add only the service, on Kafka, PostgreSQL and Redis that exist."""
    data = SecretsStack(app, options, own)
    bus = OwnBusStack(app, options, own)
    service = ServiceStack(
        app,
        options,
        kafka=bus.kafka,
        secrets=data.secrets,
        subnet_ids=list(own.vpc_subnet_ids),
        security_group_ids=list(own.security_group_ids),
        kms_key_arns=own.kms_key_arns,
    )
    _deploy_last(service, data, bus)
    return _Service(service, data.secrets)


def _deploy_last(service: ServiceStack, *others: Stack) -> None:
    """Deploy the service after the others, so that topics and secrets exist before functions."""
    for other in others:
        service.add_stack_dependency(other)


def _front(app: App, options: Options, service: _Service) -> None:
    """Add CloudFront before the API, and its firewall in us-east-1."""
    firewall = FirewallStack(app, options)
    front = FrontStack(
        app, options, service=service.stack, secrets=service.secrets, firewall=firewall
    )
    front.add_stack_dependency(firewall)
