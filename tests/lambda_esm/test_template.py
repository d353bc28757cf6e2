"""Template forms, and what Lambda refuses when a mapping is created."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lambda_esm.errors import TemplateError
from lambda_esm.model.mapping import Mapping, ProvisionedPollers
from lambda_esm.options import parse
from lambda_esm.template.selection import read_mappings
from tests.lambda_esm.command import FUNCTION, function, mapping, template

ROOT = Path(__file__).parents[2]
MAPPING_OF = """
    Resources:
      M: {{Type: "AWS::Lambda::EventSourceMapping", Properties: {{Topics: [{}]}}}}
"""
ARN = "arn:aws:kafka:us-east-1:123456789012:cluster/demo/751d2973-2"


def read(folder: Path, document: Any, *flags: str) -> list[Mapping]:
    """Return the mappings of a template; a string is YAML."""
    path = folder / ("template.yaml" if isinstance(document, str) else "template.json")
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return read_mappings(parse(["--template", str(path), *flags]))


def read_one(folder: Path, document: Any, *flags: str) -> Mapping:
    (found,) = read(folder, document, *flags)
    return found


def properties(folder: Path, *flags: str, **changed: Any) -> Mapping:
    """Return a mapping with these properties instead of the usual ones; None removes one."""
    made = mapping("topic", **changed)
    made["Properties"] = {k: v for k, v in made["Properties"].items() if v is not None}
    return read_one(folder, template({"M": made}), *flags)


def refusal(folder: Path, **changed: Any) -> str:
    with pytest.raises(TemplateError) as caught:
        properties(folder, **changed)
    return str(caught.value)


# ---- forms


def test_the_mappings_of_this_project() -> None:
    mappings = read_mappings(
        parse(["--template", str(ROOT / "template.yaml"), "--bootstrap-servers", "localhost:9092"])
    )

    assert "user.register" in {each.topic for each in mappings}
    assert {each.bootstrap_servers for each in mappings} == {("localhost:9092",)}
    assert all(each.function.handler.endswith("handler") for each in mappings)
    assert all("KAFKA_BOOTSTRAP_SERVERS" in each.function.environment for each in mappings)


def test_plain_cloudformation(tmp_path: Path) -> None:
    found = read_one(
        tmp_path,
        """
        AWSTemplateFormatVersion: 2010-09-09
        Resources:
          Worker:
            Type: AWS::Lambda::Function
            Properties:
              FunctionName: the-worker
              Handler: app.handler
              Timeout: 30
              MemorySize: 512
              Code: src
              Environment:
                Variables: {COLOUR: blue, FLAG: true, COUNT: 3}
          Mapping:
            Type: AWS::Lambda::EventSourceMapping
            Properties:
              FunctionName: !GetAtt Worker.Arn
              Topics: [orders]
              SelfManagedEventSource:
                Endpoints: {KafkaBootstrapServers: [a:9092, b:9092]}
              StartingPosition: LATEST
        """,
    )

    assert (found.logical_id, found.topic, found.starting_position) == (
        "Mapping",
        "orders",
        "LATEST",
    )
    assert found.bootstrap_servers == ("a:9092", "b:9092")
    assert (found.function.name, found.function.timeout_s) == ("the-worker", 30)
    assert found.function.memory_mb == 512
    assert found.function.code == str(tmp_path / "src")
    assert found.function.environment == {"COLOUR": "blue", "FLAG": "true", "COUNT": "3"}


def test_what_the_cdk_writes(tmp_path: Path) -> None:
    found = read_one(
        tmp_path,
        {
            "Resources": {
                "WorkerServiceRole2F": {"Type": "AWS::IAM::Role", "Properties": {}},
                "Worker8C": {
                    "Type": "AWS::Lambda::Function",
                    "Properties": {
                        "Code": {
                            "S3Bucket": {"Fn::Sub": "cdk-assets-${AWS::AccountId}-${AWS::Region}"},
                            "S3Key": "5d.zip",
                        },
                        "Handler": "app.handler",
                        "Role": {"Fn::GetAtt": ["WorkerServiceRole2F", "Arn"]},
                        "Runtime": "python3.13",
                    },
                    "Metadata": {"aws:asset:path": "asset.5d", "aws:asset:property": "Code"},
                },
                "WorkerKafkaEventSource7E": {
                    "Type": "AWS::Lambda::EventSourceMapping",
                    "Properties": {
                        "BatchSize": 10,
                        "FunctionName": {"Ref": "Worker8C"},
                        "SelfManagedEventSource": {
                            "Endpoints": {"KafkaBootstrapServers": ["a:9092"]}
                        },
                        "SelfManagedKafkaEventSourceConfig": {"ConsumerGroupId": "mine"},
                        "StartingPosition": "TRIM_HORIZON",
                        "Topics": ["orders"],
                    },
                },
            }
        },
    )

    assert (found.batch_size, found.group_id) == (10, "mine")
    assert found.function.code == str(tmp_path / "asset.5d")


def test_sam_events_of_type_msk_and_self_managed_kafka(tmp_path: Path) -> None:
    managed, own = read(
        tmp_path,
        f"""
        Transform: AWS::Serverless-2016-10-31
        Globals: {{Function: {{Timeout: 20, Handler: app.handler}}}}
        Resources:
          Worker:
            Type: AWS::Serverless::Function
            Properties:
              CodeUri: .
              Events:
                Managed:
                  Type: MSK
                  Properties:
                    Stream: {ARN}
                    Topics: [managed]
                    StartingPosition: LATEST
                    ConsumerGroupId: group
                    BatchSize: 7
                Own:
                  Type: SelfManagedKafka
                  Properties:
                    KafkaBootstrapServers: [a:9092]
                    Topics: [own]
                    StartingPosition: TRIM_HORIZON
                    MaximumBatchingWindowInSeconds: 2
                    SourceAccessConfigurations: [{{Type: VPC_SUBNET, URI: "subnet:s-1"}}]
                    FilterCriteria: {{Filters: [{{Pattern: '{{"value": ["x"]}}'}}]}}
                    FunctionResponseTypes: [ReportBatchItemFailures]
                Api: {{Type: HttpApi}}
        """,
        "--bootstrap-servers",
        "localhost:9092",
    )

    assert (managed.logical_id, managed.event_source_arn) == ("WorkerManaged", ARN)
    assert (managed.group_id, managed.batch_size, managed.topic) == ("group", 7, "managed")
    assert (own.logical_id, own.event_source_arn, own.batching_window_s) == ("WorkerOwn", None, 2)
    assert own.report_batch_item_failures
    assert own.filters == ('{"value": ["x"]}',)
    assert own.function.timeout_s == 20


def test_intrinsic_functions_are_resolved_from_the_parameters(tmp_path: Path) -> None:
    document = """
        Parameters:
          Stage: {Type: String, Default: dev, AllowedValues: [dev, prod]}
          Servers: {Type: CommaDelimitedList, Default: "a:9092,b:9092"}
          Size: {Type: Number, Default: 10}
        Mappings:
          Sizes: {dev: {window: 1}, prod: {window: 5}}
        Conditions:
          IsProd: !Equals [!Ref Stage, prod]
          IsSmall: !Not [!Or [!Condition IsProd, !Equals [a, b]]]
        Resources:
          Worker:
            Type: AWS::Serverless::Function
            Properties:
              FunctionName: !Sub "${Stage}-worker"
              Handler: app.handler
              CodeUri: .
              Environment:
                Variables:
                  JOINED: !Join ["-", [a, !Ref Stage, !Select [1, !Ref Servers]]]
                  SUB: !Sub ["${Where}/${AWS::Region}/${!Literal}", {Where: !Ref Stage}]
                  ENCODED: {"Fn::Base64": hello}
                  UNKNOWN: !GetAtt Elsewhere.Outputs.Thing
          Elsewhere: {Type: "AWS::CloudFormation::Stack"}
          Mapping:
            Type: AWS::Lambda::EventSourceMapping
            Properties:
              FunctionName: !Ref Worker
              Topics: [!Sub "${Stage}.orders"]
              SelfManagedEventSource: {Endpoints: {KafkaBootstrapServers: !Ref Servers}}
              StartingPosition: !If [IsSmall, TRIM_HORIZON, LATEST]
              BatchSize: !Ref Size
              MaximumBatchingWindowInSeconds: !FindInMap [Sizes, !Ref Stage, window]
              MaximumRetryAttempts: !If [IsProd, 3, !Ref "AWS::NoValue"]
          NotInDev:
            Condition: IsProd
            Type: AWS::Lambda::EventSourceMapping
            Properties: {Topics: [never]}
        """
    small = read_one(tmp_path, document)

    assert (small.topic, small.starting_position, small.batch_size) == (
        "dev.orders",
        "TRIM_HORIZON",
        10,
    )
    assert (small.batching_window_s, small.maximum_retry_attempts, small.bootstrap_servers) == (
        1,
        None,
        ("a:9092", "b:9092"),
    )
    assert small.function.name == "dev-worker"
    assert small.function.environment == {
        "JOINED": "a-dev-b:9092",
        "SUB": "dev/us-east-1/${Literal}",
        "ENCODED": "aGVsbG8=",
    }, "what only a stack can know is left out"

    prod = document.replace("Properties: {Topics: [never]}", "Properties: {}")
    large = read_one(tmp_path, prod, "--parameter", "Stage=prod", "--parameter", "Size=50")
    assert (large.topic, large.starting_position, large.batch_size) == ("prod.orders", "LATEST", 50)
    assert (large.batching_window_s, large.maximum_retry_attempts) == (5, 3)


def test_brokers_from_the_command_line_stand_for_what_the_template_leaves_open(
    tmp_path: Path,
) -> None:
    open_ended = {"Endpoints": {"KafkaBootstrapServers": {"Fn::Split": [",", {"Ref": "Servers"}]}}}
    secret = [{"Type": "SASL_SCRAM_512_AUTH", "URI": {"Ref": "Secret"}}]
    source = mapping("topic", SelfManagedEventSource=open_ended, SourceAccessConfigurations=secret)
    variables = {"Variables": {"SERVERS": {"Ref": "Servers"}}}
    document = template(
        {FUNCTION: function(Environment=variables), "M": source},
        Parameters={"Servers": {"Type": "String"}, "Secret": {"Type": "String"}},
    )

    found = read_one(tmp_path, document, "--bootstrap-servers", "x:1,y:2")

    assert found.bootstrap_servers == ("x:1", "y:2")
    assert found.function.environment == {"SERVERS": "x:1,y:2"}
    with pytest.raises(TemplateError, match=r"The parameter \w+ has no value; pass --parameter"):
        read(tmp_path, document)


def test_the_arn_of_a_cluster_elsewhere_may_stay_unknown(tmp_path: Path) -> None:
    found = properties(
        tmp_path,
        *("--bootstrap-servers", "localhost:9092"),
        EventSourceArn={"Fn::ImportValue": "TheCluster"},
        SelfManagedEventSource=None,
    )

    assert (found.event_source_arn or "").startswith("arn:aws:kafka:")


def test_destinations_may_be_resources_of_the_template(tmp_path: Path) -> None:
    resources = {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "failed"}},
        "Topic": {"Type": "AWS::SNS::Topic"},
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "failed"}},
    }
    names = {
        "arn:aws:sqs:us-east-1:123456789012:failed": {"Fn::GetAtt": ["Queue", "Arn"]},
        "arn:aws:sns:us-east-1:123456789012:Topic": {"Ref": "Topic"},
        "arn:aws:s3:::failed": {"Fn::GetAtt": ["Bucket", "Arn"]},
    }
    for arn, value in names.items():
        config = {"OnFailure": {"Destination": value}}
        document = template({**resources, "M": mapping("t", DestinationConfig=config)})
        assert read_one(tmp_path, document).destination == arn


def test_a_disabled_mapping_does_not_run(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="no enabled Kafka event source mapping"):
        properties(tmp_path, Enabled=False)


def test_only_the_mappings_of_the_functions_asked_for(tmp_path: Path) -> None:
    other = mapping("b", FunctionName={"Ref": "Other"})
    document = template({"Other": function(FunctionName="named"), "A": mapping("a"), "B": other})

    assert [m.topic for m in read(tmp_path, document)] == ["a", "b"]
    assert [m.topic for m in read(tmp_path, document, "--function", FUNCTION)] == ["a"]
    assert [m.topic for m in read(tmp_path, document, "--function", "named")] == ["b"]
    assert [m.topic for m in read(tmp_path, document, "--function", "Other")] == ["b"]
    with pytest.raises(TemplateError, match=r"No Kafka mapping invokes Nobody; there are: .*named"):
        read(tmp_path, document, "--function", "Nobody")


# ---- defaults


def test_the_defaults_are_lambdas(tmp_path: Path) -> None:
    found = properties(tmp_path, MaximumBatchingWindowInSeconds=None)

    assert (found.batch_size, found.batching_window_s) == (100, 0.5)
    assert (found.maximum_retry_attempts, found.maximum_record_age_s) == (None, None)
    assert (found.bisect_batch_on_error, found.report_batch_item_failures, found.destination) == (
        False,
        False,
        "",
    )
    assert (found.filters, found.pollers) == ((), None)


def test_infinite_retries_are_ten_with_a_destination(tmp_path: Path) -> None:
    config = {"OnFailure": {"Destination": "kafka://failed"}}

    assert properties(tmp_path, DestinationConfig=config).maximum_retry_attempts == 10
    assert (
        properties(
            tmp_path, DestinationConfig=config, MaximumRetryAttempts=50
        ).maximum_retry_attempts
        == 50
    )


def test_an_empty_destination_is_none(tmp_path: Path) -> None:
    found = properties(tmp_path, DestinationConfig={"OnFailure": {"Destination": ""}})

    assert (found.destination, found.maximum_retry_attempts) == ("", None)


def test_provisioned_pollers_and_their_defaults(tmp_path: Path) -> None:
    both = {"MinimumPollers": 2, "MaximumPollers": 5, "PollerGroupName": "group"}

    assert properties(tmp_path, ProvisionedPollerConfig=both).pollers == ProvisionedPollers(2, 5)
    group = {"PollerGroupName": "group"}
    assert properties(tmp_path, ProvisionedPollerConfig=group).pollers == ProvisionedPollers(1, 200)
    assert properties(tmp_path, ProvisionedPollerConfig={}).pollers is None, "back to on-demand"


def test_the_group_is_the_mappings_uuid_and_each_mapping_has_its_own(tmp_path: Path) -> None:
    apart: dict[str, Any] = {"SelfManagedKafkaEventSourceConfig": {}}
    document = template({"A": mapping("a", **apart), "B": mapping("b", **apart)})

    first, second = read(tmp_path, document)

    assert (first.group_id, second.group_id) == (first.uuid, second.uuid)
    assert first.uuid != second.uuid
    assert [m.uuid for m in read(tmp_path, document)] == [first.uuid, second.uuid]


# ---- refusals


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"Topics": ["a", "b"]}, "Topics must name exactly one topic"),
        ({"Topics": []}, "Topics must name exactly one topic"),
        ({"BatchSize": 0}, "BatchSize must be from 1 to 10000, not 0"),
        ({"BatchSize": 10_001}, "BatchSize must be from 1 to 10000"),
        ({"BatchSize": "many"}, "BatchSize must be a whole number, not 'many'"),
        ({"MaximumBatchingWindowInSeconds": 301}, "must be from 0 to 300"),
        ({"StartingPosition": "NEWEST"}, "StartingPosition must be TRIM_HORIZON"),
        ({"StartingPosition": None}, "StartingPosition must be TRIM_HORIZON"),
        ({"StartingPosition": "AT_TIMESTAMP"}, "needs StartingPositionTimestamp"),
        (
            {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 99_999_999_999},
            "StartingPositionTimestamp must not be in the future",
        ),
        ({"MaximumRetryAttempts": -2}, "must be from -1 to 10000"),
        ({"MaximumRetryAttempts": 10_001}, "must be from -1 to 10000"),
        ({"MaximumRecordAgeInSeconds": 59}, "must be -1, or 60 to 604800"),
        ({"MaximumRecordAgeInSeconds": 0}, "must be -1, or 60 to 604800"),
        ({"MaximumRecordAgeInSeconds": 604_801}, "must be from -1 to 604800"),
        ({"FunctionResponseTypes": ["Other"]}, "can only be [ReportBatchItemFailures]"),
        ({"EventSourceArn": ARN}, "exactly one of EventSourceArn and SelfManagedEventSource"),
        ({"SelfManagedEventSource": None}, "exactly one of EventSourceArn"),
        (
            {"SelfManagedEventSource": None, "EventSourceArn": ARN},
            "pass --bootstrap-servers: an ARN does not say where the brokers are",
        ),
        (
            {"SelfManagedEventSource": {"Endpoints": {"KafkaBootstrapServers": []}}},
            "must list 1 to 10 brokers",
        ),
        (
            {"SelfManagedKafkaEventSourceConfig": {"ConsumerGroupId": "a#b"}},
            "ConsumerGroupId 'a#b' has a character or length Lambda refuses",
        ),
        (
            {"SelfManagedKafkaEventSourceConfig": {"ConsumerGroupId": "x" * 201}},
            "has a character or length Lambda refuses",
        ),
        (
            {"SelfManagedKafkaEventSourceConfig": {"ConsumptionMode": "Queue"}},
            "ConsumptionMode Queue (share groups) is not supported here",
        ),
        (
            {"SelfManagedKafkaEventSourceConfig": {"SchemaRegistryConfig": {"x": 1}}},
            "SchemaRegistryConfig is not supported here",
        ),
        (
            {"DestinationConfig": {"OnFailure": {"Destination": "kafka://topic"}}},
            "the on-failure topic must not be the topic that the mapping reads",
        ),
        (
            {"DestinationConfig": {"OnFailure": {"Destination": "https://example"}}},
            "is not SQS, SNS, S3 or kafka://topic",
        ),
        (
            {"DestinationConfig": {"OnSuccess": {"Destination": "kafka://x"}}},
            "has no OnSuccess destination",
        ),
        (
            {"FilterCriteria": {"Filters": [{"Pattern": "not json"}]}},
            "FilterCriteria: the pattern 'not json' is not JSON",
        ),
        (
            {"FilterCriteria": {"Filters": [{"Pattern": '{"value": [{"like": "x"}]}'}]}},
            "FilterCriteria: like is not an operator",
        ),
        (
            {"FilterCriteria": {"Filters": [{"Pattern": "{}"}] * 11}},
            "at most 10 filters",
        ),
        ({"ProvisionedPollerConfig": {"MinimumPollers": 0}}, "must be from 1 to 200, not 0"),
        ({"ProvisionedPollerConfig": {"MaximumPollers": 2001}}, "must be from 1 to 2000"),
        (
            {"ProvisionedPollerConfig": {"MinimumPollers": 5, "MaximumPollers": 2}},
            "MinimumPollers must not be more than MaximumPollers",
        ),
        (
            {"ProvisionedPollerConfig": {"PollerGroupName": "a.b"}},
            "PollerGroupName 'a.b' has a character or length Lambda refuses",
        ),
        ({"FunctionName": None}, "FunctionName is missing"),
    ],
    ids=lambda value: json.dumps(value)[:70] if isinstance(value, dict) else "",
)  # fmt: skip
def test_what_lambda_refuses_is_refused_with_the_mappings_name(
    tmp_path: Path, changed: dict[str, Any], reason: str
) -> None:
    message = refusal(tmp_path, **changed)

    assert message.startswith("M: ")
    assert reason in message


def test_a_function_timeout_above_14_minutes_is_refused(tmp_path: Path) -> None:
    for seconds in (840, 841):
        document = template({FUNCTION: function(Timeout=seconds), "M": mapping("t")})
        if seconds == 840:
            assert read_one(tmp_path, document).function.timeout_s == 840
        else:
            with pytest.raises(TemplateError, match=r"a timeout of 841 s; .* at most 840 s"):
                read(tmp_path, document)


def test_two_mappings_of_the_same_function_and_topic_are_refused(tmp_path: Path) -> None:
    second = mapping("t", SelfManagedKafkaEventSourceConfig={})
    with pytest.raises(TemplateError, match="B: A already has the function Function and topic t"):
        read(tmp_path, template({"A": mapping("t"), "B": second}))


def test_two_mappings_of_one_consumer_group_are_refused(tmp_path: Path) -> None:
    same = {"SelfManagedKafkaEventSourceConfig": {"ConsumerGroupId": "same"}}
    with pytest.raises(TemplateError, match="B: A already has the ConsumerGroupId same"):
        read(tmp_path, template({"A": mapping("a", **same), "B": mapping("b", **same)}))


def test_a_function_the_template_does_not_define_can_only_be_invoked_elsewhere(
    tmp_path: Path,
) -> None:
    elsewhere = "arn:aws:lambda:us-east-1:123456789012:function:elsewhere:live"
    document = template({"M": mapping("t", FunctionName=elsewhere)})

    assert read_one(tmp_path, document, "--endpoint", "http://x").function.name == "elsewhere"
    with pytest.raises(TemplateError, match="no handler for the function elsewhere"):
        read(tmp_path, document)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("Resources: [", "is not valid"),
        ("just text", "it has no Resources"),
        ("Resources: {}", "has no enabled Kafka event source mapping"),
        (
            MAPPING_OF.format("!Ref Nowhere"),
            "refers to Nowhere, which it does not define",
        ),
        (
            MAPPING_OF.format("!ImportValue x"),
            "Fn::ImportValue is not known before deployment",
        ),
    ],
)
def test_what_is_wrong_with_a_template_is_said(tmp_path: Path, document: str, reason: str) -> None:
    with pytest.raises(TemplateError) as caught:
        read(tmp_path, document)
    assert reason in str(caught.value)


def test_mappings_of_queues_and_streams_are_left_alone(tmp_path: Path) -> None:
    queue = {
        "Type": "AWS::Lambda::EventSourceMapping",
        "Properties": {
            "FunctionName": {"Ref": FUNCTION},
            "EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:queue",
        },
    }

    assert [m.topic for m in read(tmp_path, template({"Q": queue, "M": mapping("t")}))] == ["t"]


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--parameter", "Unknown=1"], "has no parameter Unknown; it has: Stage"),
        (["--parameter", "Stage=test"], "must be one of ['dev', 'prod'], not 'test'"),
    ],
)
def test_parameters_are_checked(tmp_path: Path, flags: list[str], reason: str) -> None:
    stage = {"Stage": {"Type": "String", "Default": "dev", "AllowedValues": ["dev", "prod"]}}
    with pytest.raises(TemplateError) as caught:
        read(tmp_path, template({"M": mapping("t")}, Parameters=stage), *flags)
    assert reason in str(caught.value)


# ---- portability


def test_what_aws_would_not_do_is_said_at_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    properties(
        tmp_path,
        BisectBatchOnFunctionError=True,
        FilterCriteria={"Filters": [{"Pattern": '{"key": ["x"]}'}]},
    )

    reasons = [vars(record)["reason"] for record in caplog.records]
    assert reasons == [
        "AWS refuses self-managed Kafka without SourceAccessConfigurations",
        "in AWS this needs ProvisionedPollerConfig: BisectBatchOnFunctionError",
        "AWS documents filters on the value, not on key",
    ]


def test_nothing_is_said_of_a_mapping_that_aws_takes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    properties(
        tmp_path,
        SourceAccessConfigurations=[{"Type": "SASL_SCRAM_512_AUTH", "URI": "arn:aws:x"}],
        ProvisionedPollerConfig={"MinimumPollers": 1},
        MaximumRetryAttempts=3,
    )

    assert caplog.records == []
