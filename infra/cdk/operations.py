"""The operators' dashboard, alarms and budget; ``template.yaml`` has further alarms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from aws_cdk import App, Duration
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_lambda as lambda_

from infra.cdk import firewall
from infra.cdk.naming import PROJECT, stack_name
from infra.cdk.options import Options
from infra.cdk.project_stack import ProjectStack
from infra.cdk.service import ServiceStack

_FUNCTIONS: Final = ("GatewayFunction", "UserFunction", "NotificationFunction")
_MINUTE: Final = Duration.minutes(1)
# Half of a client's patience (REPLY_TIMEOUT_MS), and far above a login's bcrypt.
_SLOW_MS: Final = 5_000
# The requester of a command this old does not wait any more.
_OLD_S: Final = 10


class DeployedMapping(NamedTuple):
    """An event source mapping of the template: its logical id, its topic."""

    logical_id: str
    topic: str


class OperationsStack(ProjectStack):
    """Dashboard, alarms on slowness and on the age of records, budget."""

    def __init__(self, app: App, options: Options, service: ServiceStack) -> None:
        super().__init__(app, "operations", options)
        self._service = service
        self._api = service.resource("Api").ref
        self._mappings = list(_mappings(service))
        self._action = actions.SnsAction(service.alarms)
        self._slow_alarm()
        if not options.self_managed:
            self._age_alarms()
        self._dashboard()
        if options.alarm_email:
            self._budget()

    def _slow_alarm(self) -> None:
        alarm = self._api_metric("Latency", "p99").create_alarm(
            self,
            "Slow",
            alarm_description="One request in a hundred is slow",
            threshold=_SLOW_MS,
            evaluation_periods=5,
            datapoints_to_alarm=3,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(self._action)

    def _age_alarms(self) -> None:
        """Add an alarm on the age of the oldest record of each command topic.

        MSK measures it by consumer group, whose name is the mapping's id.
        """
        for mapping in self._mappings:
            if not mapping.topic.startswith("user."):
                continue
            alarm = self._age(mapping).create_alarm(
                self,
                f"{mapping.logical_id}Age",
                alarm_description=f"Commands in {mapping.topic} wait longer than their clients",
                threshold=_OLD_S,
                evaluation_periods=3,
                treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            )
            alarm.add_alarm_action(self._action)

    def _dashboard(self) -> None:
        board = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=self.stack_name)
        board.add_widgets(
            _graph("Requests", [self._api_metric(n, "Sum") for n in ("Count", "4xx", "5xx")]),
            _graph("Latency, ms", [self._api_metric("Latency", s) for s in ("p50", "p99")]),
        )
        board.add_widgets(
            _graph("Errors", self._each_function("Errors", "Sum")),
            _graph("Duration p99, ms", self._each_function("Duration", "p99")),
            _graph("Side by side", self._each_function("ConcurrentExecutions", "Maximum")),
        )
        board.add_widgets(
            _graph("Records waiting", self._each_mapping("MaxOffsetLag", "Maximum")),
            _graph(
                "Given up", self._each_mapping("OnFailureDestinationDeliveredEventCount", "Sum")
            ),
        )
        if not self.options.self_managed:
            board.add_widgets(
                _graph("Oldest record, s", [self._age(mapping) for mapping in self._mappings])
            )

        if self.options.has_front:
            board.add_widgets(_graph("Refused by the firewall", [self._refused()]))

    def _refused(self) -> cloudwatch.Metric:
        dimensions = {"WebACL": stack_name(self.options.environment, "firewall"), "Rule": "ALL"}
        metric = _metric("AWS/WAFV2", "BlockedRequests", "Sum", dimensions, "requests")
        return metric.with_(region=firewall.REGION)

    def _each_function(self, metric: str, statistic: str) -> list[cloudwatch.IMetric]:
        return [
            _metric(
                "AWS/Lambda", metric, statistic, {"FunctionName": self._service.resource(f).ref}, f
            )
            for f in _FUNCTIONS
        ]

    def _each_mapping(self, metric: str, statistic: str) -> list[cloudwatch.IMetric]:
        return [
            _metric(
                "AWS/Lambda", metric, statistic, {"EventSourceMappingUUID": self._id(m)}, m.topic
            )
            for m in self._mappings
        ]

    def _age(self, mapping: DeployedMapping) -> cloudwatch.Metric:
        dimensions = {
            "Cluster Name": stack_name(self.options.environment, "bus"),
            "Consumer Group": self._id(mapping),
            "Topic": mapping.topic,
        }
        return _metric("AWS/Kafka", "EstimatedMaxTimeLag", "Maximum", dimensions, mapping.topic)

    def _id(self, mapping: DeployedMapping) -> str:
        return self._service.resource(mapping.logical_id).ref

    def _api_metric(self, metric: str, statistic: str) -> cloudwatch.Metric:
        label = f"{metric} {statistic}"
        return _metric("AWS/ApiGateway", metric, statistic, {"ApiId": self._api}, label)

    def _budget(self) -> None:
        def tell(kind: str, percent: int) -> dict[str, Any]:
            return {
                "notification": {
                    "notificationType": kind,
                    "comparisonOperator": "GREATER_THAN",
                    "threshold": percent,
                },
                "subscribers": [{"subscriptionType": "EMAIL", "address": self.options.alarm_email}],
            }

        budgets.CfnBudget(
            self,
            "Budget",
            budget={
                "budgetName": f"{PROJECT}-{self.options.environment}",
                "budgetType": "COST",
                "timeUnit": "MONTHLY",
                "budgetLimit": {"amount": self.options.stage.budget_usd, "unit": "USD"},
                "costFilters": {"TagKeyValue": [f"user:environment${self.options.environment}"]},
            },
            notifications_with_subscribers=[tell("ACTUAL", 80), tell("FORECASTED", 100)],
        )


def _mappings(service: ServiceStack) -> Iterator[DeployedMapping]:
    """Return the mappings in ``template.yaml``."""
    for resource in service.template.node.find_all():
        if isinstance(resource, lambda_.CfnEventSourceMapping):
            yield DeployedMapping(resource.node.id, *(resource.topics or []))


def _metric(
    namespace: str, name: str, statistic: str, dimensions: dict[str, str], label: str
) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        statistic=statistic,
        dimensions_map=dimensions,
        label=label,
        period=_MINUTE,
    )


def _graph(title: str, metrics: list[Any]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=metrics, width=8, height=6)
