"""Which stacks there are, and in which order they are deployed."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import App, Tags, Validations
from cdk_nag import AwsSolutionsChecks

from infra.cdk.bus import MskStack, OwnBusStack
from infra.cdk.data import DataStack, SecretsStack
from infra.cdk.findings import acknowledge
from infra.cdk.naming import PROJECT, ROOT, stack_name
from infra.cdk.network import NetworkStack
from infra.cdk.operations import OperationsStack
from infra.cdk.options import Options, SelfManaged, read_options, read_self_managed
from infra.cdk.service import ServiceStack

# CDK takes it for taggable, CloudFormation does not.
_UNTAGGED = ["AWS::RDS::DBProxyTargetGroup"]


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
    OperationsStack(
        app,
        "operations",
        options=options,
        name=stack_name(options.environment, "operations"),
        service=service,
    )
    for tag, value in (("project", PROJECT), ("environment", options.environment)):
        Tags.of(app).add(tag, value, exclude_resource_types=_UNTAGGED)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    acknowledge(app, service)
    return options


def _complete(app: App, options: Options) -> ServiceStack:
    """Network, data, Kafka, and the service on top."""

    def name(part: str) -> str:
        return stack_name(options.environment, part)

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
        subnet_ids=[subnet.subnet_id for subnet in network.vpc.isolated_subnets],
        security_group_ids=[network.functions.security_group_id],
        database_user_arn=data.database_user_arn,
    )
    # The topics are there, and the secrets filled, before any function is.
    service.add_stack_dependency(bus)
    service.add_stack_dependency(data)
    return service


def _on_own(app: App, options: Options, own: SelfManaged) -> ServiceStack:
    """Only the service, on Kafka, PostgreSQL and Redis that are there."""

    def name(part: str) -> str:
        return stack_name(options.environment, part)

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
    service.add_stack_dependency(bus)
    service.add_stack_dependency(data)
    return service
