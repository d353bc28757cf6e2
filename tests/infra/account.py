"""An account in the stand-in for AWS, and deployments to it."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import boto3

from tests.infra.synthesis import Assembly, Json

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

REGION = "eu-central-1"
ID = "123456789012"  # moto's
_ASSETS = f"cdk-hnb659fds-assets-{ID}-{REGION}"
_CDK = Path(__file__).parents[2] / "infra/cdk"


class Said(NamedTuple):
    """What a command has printed, and whether it went well."""

    code: int
    text: str


class Account:
    """One account.

    Attributes:
        url: the endpoint of all its services.
    """

    CREDENTIALS: ClassVar = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",  # the stand-in takes any
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
    }

    def __init__(self, url: str) -> None:
        self.url = url

    def client(self, service: Any) -> Any:
        """A client of a service."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    @property
    def cloudformation(self) -> CloudFormationClient:
        client: CloudFormationClient = self.client("cloudformation")
        return client

    def deploy(self, assembly: Assembly, part: str) -> str:
        """Create or update a stack through CloudFormation, and return its status."""
        self._upload_assets(assembly, part)
        name = assembly.stack_name(part)
        request: Any = {
            "StackName": name,
            "TemplateBody": json.dumps(assembly.templates[part]),
            "Capabilities": ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        }
        if self.exists(name):
            self.cloudformation.update_stack(**request)
        else:
            self.cloudformation.create_stack(**request)
        return self.status(name)

    def exists(self, stack: str) -> bool:
        """Whether there is such a stack."""
        listed = self.cloudformation.list_stacks()["StackSummaries"]
        return stack in {s["StackName"] for s in listed if s["StackStatus"] != "DELETE_COMPLETE"}

    def _upload_assets(self, assembly: Assembly, part: str) -> None:
        """What the CDK command line does before it deploys a stack."""
        s3 = self.client("s3")
        if _ASSETS not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
            s3.create_bucket(
                Bucket=_ASSETS, CreateBucketConfiguration={"LocationConstraint": REGION}
            )
        content = json.loads((assembly.folder / f"{part}.assets.json").read_text())
        for file in content["files"].values():
            if file["source"]["packaging"] == "zip":
                (destination,) = file["destinations"].values()
                body = _zipped(assembly.folder / file["source"]["path"])
                s3.put_object(Bucket=_ASSETS, Key=destination["objectKey"], Body=body)

    def cdk(self, *arguments: str, env: Mapping[str, str] | None = None) -> Said:
        """Run the CDK command line against this account."""
        node = shutil.which("node")
        assert node, "Node.js is needed"
        done = subprocess.run(
            [node, str(_CDK / "node_modules/aws-cdk/bin/cdk"), *arguments],
            cwd=_CDK,
            env={
                **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
                **self.CREDENTIALS,
                "AWS_ENDPOINT_URL": self.url,
                "AWS_ENDPOINT_URL_S3": self.url,
                "CI": "true",
                **(env or {}),
            },
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        return Said(done.returncode, done.stdout + done.stderr)

    def cdk_deploy(self, assembly: Assembly, *parts: str) -> Said:
        """``cdk deploy`` of what has been synthesized; its log is shown by ``ARGS=-s``."""
        app = ("--app", str(assembly.folder), "--require-approval", "never")
        said = self.cdk("deploy", *parts, *app, "--method", "direct")
        sys.stdout.write(said.text)
        return said

    def status(self, stack: str) -> str:
        """A stack's status."""
        (found,) = self.cloudformation.describe_stacks(StackName=stack)["Stacks"]
        return str(found["StackStatus"])

    def resources(self, stack: str) -> dict[str, str]:
        """The physical ids of a stack, by logical id."""
        found = self.cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
        # What moto does not know is listed without a name.
        named = [(each.get("LogicalResourceId"), each) for each in found]
        return {name: each.get("PhysicalResourceId", "") for name, each in named if name}

    def secrets(self) -> list[str]:
        """The names of all secrets."""
        listed = self.client("secretsmanager").list_secrets()["SecretList"]
        return [str(secret["Name"]) for secret in listed]

    def events(self, stack: str) -> list[Json]:
        """What has happened to a stack, the newest first."""
        answer = self.cloudformation.describe_stack_events(StackName=stack)
        return [dict(event) for event in answer["StackEvents"]]


def _zipped(folder: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return content.getvalue()
