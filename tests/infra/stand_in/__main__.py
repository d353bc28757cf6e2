"""Run it: ``python -m tests.infra.stand_in --port 5000``, until a signal ends it."""

from __future__ import annotations

import argparse
import json
import subprocess
import warnings
from collections.abc import Callable
from typing import Any

from moto.cloudformation import models, parsing, responses
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

from tests.infra.stand_in import custom, resources

_SAM = custom.ROOT / ".venv-sam/bin/python"
_TRANSFORM = custom.ROOT / "tests/infra/stand_in/transform.py"


def expand(template: str, region: str) -> str:
    """What CloudFormation's transform makes of a template; others stay as they are."""
    document = models.Stack.parse_template(template)
    if document.get("Transform") != "AWS::Serverless-2016-10-31":
        return template
    done = subprocess.run(
        [_SAM, _TRANSFORM],
        input=json.dumps(document).encode(),
        capture_output=True,
        env={"AWS_DEFAULT_REGION": region},
        check=False,
    )
    if done.returncode:
        raise custom.DeploymentFailed(done.stderr.decode()[-2_000:])
    return done.stdout.decode()


def prepare() -> None:
    """Have moto's CloudFormation expand templates, run custom resources, and fail as AWS does."""
    for name in ("create_stack", "create_change_set", "update_stack"):
        setattr(models.CloudFormationBackend, name, _deploying(name))
    known = parsing.resource_class_from_type
    ours: dict[str, Any] = {kind.kind: kind for kind in resources.Resource.__subclasses__()}

    def class_of(kind: str) -> Any:
        return custom.Custom if kind.startswith("Custom::") else ours.get(kind) or known(kind)

    fetch = vars(responses)["get_stack_from_s3_url"]

    def template_at(template_url: str, **given: Any) -> str:
        # By that name moto takes the bucket from the path.
        found: str = fetch(template_url.replace("127.0.0.1", "localhost"), **given)
        return found

    setattr(responses, fetch.__name__, template_at)
    setattr(parsing, known.__name__, class_of)
    setattr(models.Stack, "delete", _in_order(models.Stack.delete))  # noqa: B010 - moto's own is typed


def _in_order(original: Callable[[Any], None]) -> Callable[[Any], None]:
    """Delete what leads to functions before the functions."""

    def delete(self: Any) -> None:
        _clear_first(self)
        original(self)

    return delete


def _clear_first(stack: Any) -> None:
    parsed = stack.resource_map._parsed_resources
    for name, resource in list(parsed.items()):
        if getattr(resource, "leads_to_others", False):
            resource.delete(stack.account_id, stack.region_name)
            del parsed[name]


def _clear(stack: Any) -> None:
    _clear_first(stack)
    stack.resource_map.delete()


def _deploying(name: str) -> Callable[..., Any]:
    original = getattr(models.CloudFormationBackend, name)

    def deploy(self: Any, *args: Any, **given: Any) -> Any:
        given["template"] = expand(given["template"], self.region_name)
        try:
            return original(self, *args, **given)
        except custom.DeploymentFailed as reason:
            return _rolled_back(self, given["name"], str(reason))

    return deploy


def _rolled_back(backend: Any, name: str, reason: str) -> Any:
    """The request does not fail: the stack ends in a state that says so, and tells why."""
    stack = next(stack for stack in backend.stacks.values() if stack.name == name)
    what = "UPDATE" if stack.status.endswith("_COMPLETE") else "CREATE"
    stack._add_stack_event(f"{what}_FAILED", resource_status_reason=reason)
    stack.status = "UPDATE_ROLLBACK_COMPLETE" if what == "UPDATE" else "ROLLBACK_COMPLETE"
    if what == "CREATE":
        _clear(stack)
    stack._add_stack_event(stack.status, resource_status_reason=reason)
    return stack


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    warnings.filterwarnings("ignore", message="Tried to parse")
    prepare()
    print(f"AWS listens on http://127.0.0.1:{port}", flush=True)  # noqa: T201 - the parent reads it
    run_simple("127.0.0.1", port, DomainDispatcherApplication(create_backend_app), threaded=True)


if __name__ == "__main__":
    main()
