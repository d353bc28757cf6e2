"""Which stacks there are, and in which order they are deployed."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import NamedTuple

from aws_cdk import App, Tags, Validations
from cdk_nag import AwsSolutionsChecks

from infra.cdk.bus import MskStack, OwnBusStack
from infra.cdk.data import DataStack, SecretsStack
from infra.cdk.findings import acknowledge
from infra.cdk.firewall import FirewallStack
from infra.cdk.front import FrontStack
from infra.cdk.function_secrets import FunctionSecrets
from infra.cdk.naming import PROJECT, ROOT, stack_name
from infra.cdk.network import NetworkStack
from infra.cdk.operations import OperationsStack
from infra.cdk.options import Options, SelfManaged, read_options, read_self_managed
from infra.cdk.service import ServiceStack

# CDK takes it for taggable, CloudFormation does not.
_UNTAGGED = ["AWS::RDS::DBProxyTargetGroup"]


class _Service(NamedTuple):
    """The service, and the secrets that it has."""

    stack: ServiceStack
    secrets: FunctionSecrets


def add_stacks(app: App) -> Options:
    """All stacks that the app's context asks for.

    Raises:
        OptionError: the context is not usable.
        NotBuilt: ``make build`` has not been run.
    """
    options = read_options(app.node.try_get_context)
    if options.self_managed:
        service = _on_own(app, options, read_self_managed(ROOT / Path(options.self_managed)))
    else:
        service = _complete(app, options)
    name = partial(stack_name, options.environment)
    if options.has_front:
        _front(app, options, service)
    OperationsStack(
        app, "operations", options=options, name=name("operations"), service=service.stack
    )
    for tag, value in (("project", PROJECT), ("environment", options.environment)):
        Tags.of(app).add(tag, value, exclude_resource_types=_UNTAGGED)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    acknowledge(app, service.stack)
    return options


def _complete(app: App, options: Options) -> _Service:
    """Network, data, Kafka, and the service on top."""
    name = partial(stack_name, options.environment)
    network = NetworkStack(app, "network", options=options, name=name("network"))
    data = DataStack(app, "data", options=options, name=name("data"), network=network)
    bus = MskStack(
        app, "bus", options=options, name=name("bus"), network=network, key=data.secrets.key
    )
    service = ServiceStack(
        app,
        "service",
        options=options,
        name=name("service"),
        kafka=bus.kafka,
        secrets=data.secrets,
        subnet_ids=network.subnet_ids,
        security_group_ids=[network.functions.security_group_id],
        stores=data.stores,
    )
    _last(service, data, bus)
    return _Service(service, data.secrets)


def _on_own(app: App, options: Options, own: SelfManaged) -> _Service:
    """Only the service, on Kafka, PostgreSQL and Redis that are there."""
    name = partial(stack_name, options.environment)
    data = SecretsStack(app, "data", options=options, name=name("data"), own=own)
    bus = OwnBusStack(app, "bus", options=options, name=name("bus"), own=own)
    service = ServiceStack(
        app,
        "service",
        options=options,
        name=name("service"),
        kafka=bus.kafka,
        secrets=data.secrets,
        subnet_ids=list(own.vpc_subnet_ids),
        security_group_ids=list(own.security_group_ids),
        kms_key_arns=own.kms_key_arns,
    )
    _last(service, data, bus)
    return _Service(service, data.secrets)


def _last(
    service: ServiceStack, data: DataStack | SecretsStack, bus: MskStack | OwnBusStack
) -> None:
    """The topics are there, and the secrets filled, before any function is."""
    service.add_stack_dependency(bus)
    service.add_stack_dependency(data)


def _front(app: App, options: Options, service: _Service) -> None:
    """What the API is reached through: a firewall in us-east-1, and CloudFront."""
    name = partial(stack_name, options.environment)
    firewall = FirewallStack(app, "firewall", options=options, name=name("firewall"))
    front = FrontStack(
        app,
        "front",
        options=options,
        name=name("front"),
        service=service.stack,
        secrets=service.secrets,
        firewall=firewall,
    )
    front.add_stack_dependency(firewall)
