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
        Exit status: 0, or 2 after an error, whose sentence is on standard error.
    """
    args = command_line().parse_args(arguments)
    try:
        configure(load(LogSettings, os.environ))
        args.run(args)
    except EsmError as error:
        sys.stderr.write(f"lambda-esm: {error}\n")
        return 2
    return 0


def command_line() -> argparse.ArgumentParser:
    """Return the parser of all commands, with their help."""
    parser = argparse.ArgumentParser(
        prog="lambda-esm",
        description="AWS Lambda's Kafka event source mapping, on your own machine.",
        epilog="Each command has its own help: lambda-esm run --help",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, module, run in (
        ("run", options, _run),
        ("replay", replay, replay.run),
        ("offsets", offsets, offsets.run),
    ):
        command = commands.add_parser(
            name,
            help=module.HELP,
            description=module.DESCRIPTION,
            epilog=module.EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(run=run)
    return parser


def _run(args: argparse.Namespace) -> None:
    chosen = options.options_of(args)
    service = Service(read_mappings(chosen), chosen, os.environ)
    _stop_on_signals(service)
    service.run()


def _stop_on_signals(service: Service) -> None:
    """Stop gracefully on the first signal; end at once on the second."""

    def stop(number: int, _: FrameType | None) -> None:
        signal.signal(number, lambda *_: os._exit(128 + number))
        service.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
