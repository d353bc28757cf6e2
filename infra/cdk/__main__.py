"""The CDK application, as CDK's command line runs it: ``python -m infra.cdk``."""

from __future__ import annotations

import sys

from aws_cdk import App

from infra.cdk.app import add_stacks
from infra.cdk.options import OptionError
from infra.cdk.service import NotBuilt


def main() -> None:
    """Synthesize the stacks that the context asks for."""
    app = App()
    try:
        add_stacks(app)
    except (OptionError, NotBuilt) as error:
        sys.exit(str(error))
    app.synth()


if __name__ == "__main__":
    main()
