"""The command ``lambda-esm``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from lambda_esm import offsets, options
from lambda_esm.bootstrap import Service
from lambda_esm.errors import EsmError
from lambda_esm.observe.logs import configure
from lambda_esm.replay import command as replay
from lambda_esm.settings import LogSettings, load
from lambda_esm.template.selection import read_mappings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: of the command line; this process's own by default.

    Returns:
        Exit status: 0, or 2 when it could not do what it was asked.
    """
    given = command_line().parse_args(arguments)
    try:
        configure(load(LogSettings, os.environ))
        given.do(given)
    except EsmError as error:
        print(f"lambda-esm: {error}", file=sys.stderr)
        return 2
    return 0


def command_line() -> argparse.ArgumentParser:
    """Return the parser of all commands, with their help."""
    parser = argparse.ArgumentParser(
        prog="lambda-esm", description="Kafka triggers for Lambda functions, on your own machine."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser(
        "run",
        help="deliver records to functions, as AWS's event source mapping does",
        description="Trigger Lambda functions from Kafka as AWS's event source mapping does.",
        epilog=options.EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_arguments(run)
    run.set_defaults(do=_run)
    for name, module in (("replay", replay), ("offsets", offsets)):
        text = (module.__doc__ or "").removeprefix("The command: ")
        command = commands.add_parser(name, help=module.HELP, description=text)
        module.add_arguments(command)
        command.set_defaults(do=module.run)
    return parser


def _run(given: argparse.Namespace) -> None:
    chosen = options.options_of(given)
    service = Service(read_mappings(chosen), chosen, os.environ)
    _stop_on_signals(service)
    service.run()


def _stop_on_signals(service: Service) -> None:
    """The first signal lets what is out end; the second one does not wait for it."""

    def stop(number: int, _: FrameType | None) -> None:
        signal.signal(number, lambda *_: os._exit(128 + number))
        service.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
