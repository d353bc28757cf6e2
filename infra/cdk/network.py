"""The network: private subnets without a way out, and endpoints for the few AWS APIs needed.

Nothing here has a public address. The API is reached through API Gateway, which invokes functions
and needs no way in. With provisioned pollers Lambda invokes from its own network, so endpoints for
Lambda and STS are not needed (Developer Guide, "Configuring your Amazon MSK cluster and Amazon VPC
network for Lambda").
"""

from __future__ import annotations

from aws_cdk import App, Fn, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.cdk.environments import Environment
from infra.cdk.options import Options
from infra.cdk.project_stack import ProjectStack

_CIDR = "10.0.0.0/16"


class NetworkStack(ProjectStack):
    """Subnets, endpoints, and the functions' security group.

    Attributes:
        vpc: with isolated subnets only.
        functions: the functions' security group.
    """

    def __init__(self, app: App, options: Options) -> None:
        self._zones = options.stage.zones
        super().__init__(app, "network", options)
        self.vpc = self._network(options.stage)
        self.functions = ec2.SecurityGroup(
            self, "Functions", vpc=self.vpc, description="Functions", allow_all_outbound=False
        )
        self._endpoints(options)

    @property
    def availability_zones(self) -> list[str]:
        """The first zones of any region, without a look-up in an account."""
        return [Fn.select(zone, Fn.get_azs()) for zone in range(self._zones)]

    @property
    def subnet_ids(self) -> list[str]:
        """All subnets: they are private."""
        return [subnet.subnet_id for subnet in self.vpc.isolated_subnets]

    def group_for(self, scope: Construct, name: str, port: int, what: str) -> ec2.SecurityGroup:
        """Return a security group that the functions reach, and that reaches nothing.

        The rule at the functions' end stands in the scope, too, so that the network does not depend
        on the resources in it.
        """
        group = ec2.SecurityGroup(
            scope, f"{name}Group", vpc=self.vpc, description=name, allow_all_outbound=False
        )
        described = f"{what} from functions"
        group.add_ingress_rule(self.functions, ec2.Port.tcp(port), described)
        ec2.CfnSecurityGroupEgress(
            scope,
            f"FunctionsTo{name}",
            group_id=self.functions.security_group_id,
            destination_security_group_id=group.security_group_id,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            description=described,
        )
        return group

    def _network(self, stage: Environment) -> ec2.Vpc:
        vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(_CIDR),
            max_azs=stage.zones,
            nat_gateways=0,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="private", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=20
                )
            ],
        )
        records = logs.LogGroup(
            self,
            "FlowLogs",
            retention=log_retention(stage),
            removal_policy=RemovalPolicy.DESTROY,
        )
        vpc.add_flow_log(
            "FlowLog",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(records),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )
        return vpc

    def _endpoints(self, options: Options) -> None:
        # S3 is where a custom resource answers CloudFormation.
        self.vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
        services = {"SecretsManager": ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER}
        if options.mail_transport == "ses":
            services["Mail"] = ec2.InterfaceVpcEndpointAwsService.EMAIL
        if options.sms_transport == "sns":
            services["Sms"] = ec2.InterfaceVpcEndpointAwsService.SNS
        group = ec2.SecurityGroup(
            self, "Endpoints", vpc=self.vpc, description="Endpoints", allow_all_outbound=False
        )
        group.add_ingress_rule(self.functions, ec2.Port.tcp(443), "AWS APIs")
        self.functions.add_egress_rule(group, ec2.Port.tcp(443), "AWS APIs")
        # A gateway endpoint's addresses need a look-up; no route leads to any other address.
        self.functions.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "S3 by its endpoint")
        for name, service in services.items():
            self.vpc.add_interface_endpoint(
                name, service=service, security_groups=[group], open=False
            )


def log_retention(stage: Environment) -> logs.RetentionDays:
    """Return how long an environment keeps a log, as CDK names it."""
    names = {7: "ONE_WEEK", 14: "TWO_WEEKS", 90: "THREE_MONTHS"}
    return logs.RetentionDays[names[stage.log_days]]
