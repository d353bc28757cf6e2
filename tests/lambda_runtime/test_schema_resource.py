"""The deployment's migration, as CloudFormation calls it, on the real runtime."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg import sql

from local import ports
from local.process import Group
from tests.lambda_runtime.conftest import Variables
from tests.lambda_runtime.emulator import Code, Environment, built


class CloudFormation(NamedTuple):
    """Where a custom resource answers.

    Attributes:
        url: presigned, in AWS.
        answers: the bodies that came, and their content types.
    """

    url: str
    answers: Queue[tuple[dict[str, Any], str]]

    def event(self, kind: str) -> dict[str, Any]:
        """A request (User Guide, "Custom resource request types")."""
        return {
            "RequestType": kind,
            "ResponseURL": self.url,
            "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/users/guid",
            "RequestId": "unique-id",
            "ResourceType": "Custom::Schema",
            "LogicalResourceId": "Schema",
            "ResourceProperties": {
                "ServiceToken": "arn:aws:lambda:us-east-1:123456789012:function:m"
            },
        }


@pytest.fixture
def cloudformation() -> Iterator[CloudFormation]:
    answers: Queue[tuple[dict[str, Any], str]] = Queue()

    class RequestHandler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            answers.put((json.loads(body), self.headers["content-type"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer((ports.HOST, 0), RequestHandler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield CloudFormation(f"http://{ports.HOST}:{server.server_port}/presigned", answers)
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def empty_database(database_url: str) -> Iterator[str]:
    """The URL of a database without any table."""
    name = sql.Identifier("schema_test")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        yield database_url.replace("/app_test", "/schema_test")
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture
def migration(
    runtime: None, dist: Path, variables: Variables, empty_database: str, group: Group
) -> Iterator[Environment]:
    user = built(dist, "UserFunction")
    code = Code(user.task, "user.schema_resource.handler", user.layer)
    given = {**variables["UserFunction"], "DATABASE_URL": empty_database}
    environment = Environment(code, given, group)
    yield environment
    environment.close()


def test_an_update_brings_the_schema_and_tells_cloudformation(
    migration: Environment, cloudformation: CloudFormation, empty_database: str
) -> None:
    for kind in ("Create", "Update"):
        migration.invoke(cloudformation.event(kind))
    (created, content_type), (updated, _) = (cloudformation.answers.get() for _ in range(2))

    assert content_type == ""
    assert created["Status"] == updated["Status"] == "SUCCESS"
    assert created["PhysicalResourceId"] == updated["PhysicalResourceId"]
    assert created["RequestId"] == "unique-id"
    assert created["Data"]["Applied"].startswith("0001")
    assert updated["Data"]["Applied"] == ""
    with psycopg.connect(empty_database) as connection:
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (0,)


def test_deleting_the_stack_leaves_the_data_alone(
    migration: Environment, cloudformation: CloudFormation, empty_database: str
) -> None:
    migration.invoke(cloudformation.event("Create"))

    migration.invoke(cloudformation.event("Delete"))

    assert [cloudformation.answers.get()[0]["Status"] for _ in range(2)] == ["SUCCESS"] * 2
    with psycopg.connect(empty_database) as connection:
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (0,)


def test_a_migration_that_fails_rolls_the_deployment_back(
    runtime: None,
    dist: Path,
    variables: Variables,
    cloudformation: CloudFormation,
    group: Group,
) -> None:
    user = built(dist, "UserFunction")
    code = Code(user.task, "user.schema_resource.handler", user.layer)
    given = {**variables["UserFunction"], "DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/x"}
    environment = Environment(code, given, group)
    environment.invoke(cloudformation.event("Update"))
    environment.close()

    answer, _ = cloudformation.answers.get()
    assert answer["Status"] == "FAILED"
    assert "OperationalError" in answer["Reason"]
    assert "hunter2" not in str(environment.lines) + str(answer)
