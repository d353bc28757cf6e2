"""Templates of the application, synthesized in this process, once for each set of options."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from aws_cdk import App

from infra.cdk.app import add_stacks

Json = dict[str, Any]
SELF_MANAGED = Path(__file__).with_name("self-managed.json")
PARTS = ("network", "data", "bus", "service", "firewall", "front", "operations")


class Assembly:
    """What ``cdk synth`` writes.

    Attributes:
        folder: templates, assets and the manifest.
        templates: by part of the system.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        found = {part: folder / f"{part}.template.json" for part in PARTS}
        self.templates: dict[str, Json] = {
            part: json.loads(path.read_text()) for part, path in found.items() if path.exists()
        }

    def resources(self, part: str, kind: str) -> dict[str, Json]:
        """The resources of a type, by logical id."""
        every = self.templates[part]["Resources"]
        return {name: each for name, each in every.items() if each["Type"] == kind}

    def only(self, part: str, kind: str) -> Json:
        """The properties of the one resource of a type."""
        (found,) = self.resources(part, kind).values()
        properties: Json = found["Properties"]
        return properties

    def all_resources(self) -> list[tuple[str, str, Json]]:
        """Part, logical id and resource, of everything."""
        return [
            (part, name, resource)
            for part, template in self.templates.items()
            for name, resource in template["Resources"].items()
        ]

    def stack_name(self, part: str) -> str:
        """What the stack is called in an account."""
        return str(self.manifest()[part]["properties"]["stackName"])

    def manifest(self) -> Json:
        """The order of deployment, and what belongs to a stack beside its template."""
        content: Json = json.loads((self.folder / "manifest.json").read_text())
        return content["artifacts"]  # type: ignore[no-any-return] # JSON


@cache
def synthesized(**options: str) -> Assembly:
    """Synthesize; findings of cdk-nag without a reason raise."""
    given = {name.replace("_", "-"): value for name, value in options.items()}
    app = App(context={"@aws-cdk/core:checkSecretUsage": True, **given})
    add_stacks(app)
    return Assembly(Path(app.synth().directory))


def dev() -> Assembly:
    """Synthesize the smallest deployment, for a first try."""
    return synthesized(environment="dev")


def prod() -> Assembly:
    """With everything that can be chosen."""
    return synthesized(
        environment="prod",
        kafka="express",
        sms_transport="sns",
        alarm_email="operators@example.com",
        domain_name="api.example.com",
        hosted_zone_id="Z0123456789ABCDEFGHIJ",
        certificate_arn="arn:aws:acm:us-east-1:123456789012:certificate/0",
    )


def on_own_kafka() -> Assembly:
    """Synthesize the service on Kafka, PostgreSQL and Redis that exist."""
    return synthesized(environment="staging", self_managed=str(SELF_MANAGED))
