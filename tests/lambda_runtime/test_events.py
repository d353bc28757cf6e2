"""Each built folder on the real runtime, with events as AWS sends them."""

from __future__ import annotations

import json

import pytest

from tests.events import kafka
from tests.lambda_runtime import api_gateway
from tests.lambda_runtime.conftest import Start
from tests.lambda_runtime.emulator import FunctionError
from tests.services import eventually


def test_the_gateway_answers_an_event_of_payload_format_2(start: Start) -> None:
    answer = start("GatewayFunction").invoke(api_gateway.load("get_health"))

    assert answer["statusCode"] == 200
    assert json.loads(answer["body"]) == {"status": "ok"}
    assert answer["isBase64Encoded"] is False
    assert answer["headers"]["x-request-id"]


def test_the_gateway_reads_a_base64_body_and_keeps_the_clients_request_id(start: Start) -> None:
    answer = start("GatewayFunction").invoke(api_gateway.load("post_login_base64"))

    assert answer["statusCode"] == 422
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert answer["headers"]["x-request-id"] == "from-the-client-1"
    assert answer["isBase64Encoded"] is False
    assert "#/password" in {error["pointer"] for error in json.loads(answer["body"])["errors"]}


@pytest.mark.parametrize(
    "path", ["/verify-email", "/reset-password", "/pages/page.js", "/docs/swagger-ui-bundle.js"]
)
def test_pages_and_swagger_ui_are_in_the_built_gateway(start: Start, path: str) -> None:
    event = api_gateway.load("get_health")
    event["rawPath"] = event["requestContext"]["http"]["path"] = path

    answer = start("GatewayFunction").invoke(event)

    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, False)


def test_with_cloudfront_in_front_the_gateway_serves_nobody_else(start: Start) -> None:
    gateway = start("GatewayFunction", FRONT="cloudfront", ORIGIN_SECRETS="now,next")
    event = api_gateway.load("get_health")

    refused = gateway.invoke(event)
    event["headers"] |= {"x-origin-secret": "next", "x-viewer-address": "192.0.2.1"}
    served = gateway.invoke(event)

    assert (refused["statusCode"], served["statusCode"]) == (403, 200)


@pytest.mark.parametrize("function", ["UserFunction", "NotificationFunction"])
def test_records_that_cannot_be_worked_on_are_listed_in_aws_form(
    start: Start, function: str
) -> None:
    environment = start(function)
    for event in map(kafka.load, kafka.NAMES):
        answer = environment.invoke(event)

        records = {
            (partition, record["offset"])
            for partition, records in event["records"].items()
            for record in records
        }
        assert set(answer) == {"batchItemFailures"}
        assert set(kafka.failures(answer)) == records


def test_an_incomplete_environment_ends_the_init_with_the_variables_name(start: Start) -> None:
    environment = start("UserFunction", DATABASE_URL="")

    with pytest.raises(FunctionError):
        environment.invoke({"records": {}})

    eventually(lambda: any("DATABASE_URL is not set" in line for line in environment.lines))
