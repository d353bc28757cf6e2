"""The worker process: imports one handler and serves invocations until its parent is gone.

What travels: the parent sends the :class:`Function`, the worker sends why it cannot serve it (empty
when it can); then for each invocation the parent sends the request id, the event source and the
records, and the worker sends the :class:`Outcome`. The records are msgpack, because pickling very
many small objects would cost more than the invocation.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from multiprocessing.connection import Connection

import msgspec

from lambda_esm.errors import TemplateError
from lambda_esm.invoke.handler import call_handler, import_handlers
from lambda_esm.model.event import Records
from lambda_esm.model.function import Function


def main() -> None:
    """Serve the parent, with the connection's file descriptor as the only argument."""
    # Ctrl-C goes to all processes of a terminal; the parent decides when this one ends.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    # A duplicate is not inherited by the programs that a handler starts. They would hold the
    # connection open, and the parent would learn of this process's death by the timeout only.
    inherited = int(sys.argv[1])
    connection = Connection(os.dup(inherited))
    os.close(inherited)
    with contextlib.suppress(EOFError, ConnectionError):
        _serve(connection)


def _serve(connection: Connection) -> None:
    """Answer the parent until it is gone.

    Raises:
        EOFError, ConnectionError: the parent closed its end.
    """
    function: Function = connection.recv()
    try:
        handler = import_handlers([function])[function.name]
    except TemplateError as error:
        connection.send(str(error))
        return
    connection.send("")
    decoder = msgspec.msgpack.Decoder(Records)
    while True:
        request_id, source, records = connection.recv()
        event = source.event(decoder.decode(records))
        connection.send(call_handler(handler, event, function, request_id))


if __name__ == "__main__":
    main()
