"""Custom resources: the function is run, in a process of its own, and its answer decides."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from moto.awslambda.models import lambda_backends

from tests.infra.stand_in.resources import Json, Resource

ROOT = Path(__file__).parents[3]
_ANSWER_S = 60
_RUN = "import importlib, json, sys; handler = sys.argv[1].rpartition('.')\n"
_RUN += "getattr(importlib.import_module(handler[0]), handler[2])(json.load(sys.stdin), None)"


class DeploymentFailed(Exception):
    """A custom resource has answered FAILED; the message is its reason."""


class Custom(Resource):
    """``Custom::*``: created, updated and deleted by a function of the same deployment."""

    kind = "Custom::*"
    leads_to_others = True

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: Json,
        account_id: str,
        region_name: str,
        **about: Any,
    ) -> Resource:
        properties = cloudformation_json["Properties"]
        request = {
            "RequestType": "Create",
            "StackId": about["StackId"],
            "LogicalResourceId": about["LogicalId"],
            "ResourceType": about["ResourceType"],
        }
        answer = _ask(request, properties, account_id, region_name)
        made = cls(answer["PhysicalResourceId"], **answer["Data"])
        made.request, made.properties = request, properties
        return made

    request: Json
    properties: Json

    def change(self, properties: Json, account: str, region: str) -> None:
        self.properties = properties
        answer = _ask(self._again("Update"), properties, account, region)
        self.attributes = answer["Data"]

    def delete(self, account: str, region: str) -> None:
        _ask(self._again("Delete"), self.properties, account, region)

    def _again(self, what: str) -> Json:
        return {
            **self.request,
            "RequestType": what,
            "PhysicalResourceId": self.physical_resource_id,
        }


def _ask(request: Json, properties: Json, account: str, region: str) -> Json:
    function = lambda_backends[account][region].get_function(properties["ServiceToken"])
    with _Answers() as answers:
        event = {
            **request,
            "RequestId": "request",
            "ResponseURL": answers.url,
            "ResourceProperties": properties,
        }
        run(str(function.handler), function.environment_vars, event, region)
        answer = answers.next()
    if answer["Status"] != "SUCCESS":
        raise DeploymentFailed(f"{request['LogicalResourceId']}: {answer['Reason']}")
    return answer


def run(handler: str, variables: dict[str, str], event: Json, region: str) -> None:
    """As Lambda would, but from the sources: the built packages are for another Python."""
    env = {**os.environ, "AWS_REGION": region, "AWS_DEFAULT_REGION": region, **variables}
    env["PYTHONPATH"] = str(ROOT / "infra/cdk")
    done = subprocess.run(
        [sys.executable, "-P", "-c", _RUN, handler],
        input=json.dumps(event).encode(),
        env=env,
        check=False,
        stdout=sys.stderr,
    )
    if done.returncode:
        raise DeploymentFailed(f"{handler} ended with {done.returncode}")


class _Answers:
    """The place of the presigned URL."""

    def __enter__(self) -> _Answers:
        answers: queue.Queue[Json] = queue.Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                answers.put(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """No news."""

        self._answers = answers
        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/answer"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def next(self) -> Json:
        return self._answers.get(timeout=_ANSWER_S)

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
