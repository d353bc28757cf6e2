"""What all stacks of the project have in common."""

from __future__ import annotations

from aws_cdk import App, Environment, Stack

from infra.cdk.naming import stack_name
from infra.cdk.options import Options


class ProjectStack(Stack):
    """A stack that is named after its part, and protected where data stays.

    Args:
        part: its name on the command line.
        region: only for a stack that must be in one region.

    Attributes:
        options: the deployment's options.
    """

    def __init__(self, app: App, part: str, options: Options, region: str | None = None) -> None:
        super().__init__(
            app,
            part,
            stack_name=stack_name(options.environment, part),
            env=Environment(region=region) if region else None,
            termination_protection=options.stage.retain_data,
        )
        self.options = options
