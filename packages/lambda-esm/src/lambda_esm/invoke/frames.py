"""Messages over a pair of pipes: four bytes of length, then the message."""

from __future__ import annotations

import contextlib
import os
import struct
from typing import Final

_LENGTH: Final = struct.Struct("!I")


class Frames:
    """One side of two pipes.

    Args:
        incoming, outgoing: file descriptors; they belong to this object from here on.
    """

    def __init__(self, incoming: int, outgoing: int) -> None:
        self.incoming = incoming
        self.at_end = False
        self._reader = os.fdopen(incoming, "rb")
        self._writer = os.fdopen(outgoing, "wb", buffering=0)

    def send(self, message: bytes) -> None:
        """Write one message.

        Raises:
            BrokenPipeError: the other side is gone.
        """
        rest = memoryview(_LENGTH.pack(len(message)) + message)
        while rest:  # a raw write may be short
            rest = rest[self._writer.write(rest) :]

    def receive(self) -> bytes | None:
        """Read one message; None when the other side is gone."""
        head = self._reader.read(_LENGTH.size)
        if len(head) == _LENGTH.size:
            (length,) = _LENGTH.unpack(head)
            message = self._reader.read(length)
            if len(message) == length:
                return message
        self.at_end = True
        return None

    def close(self) -> None:
        """Close both pipes."""
        with contextlib.suppress(OSError):
            self._reader.close()
        with contextlib.suppress(OSError):
            self._writer.close()
