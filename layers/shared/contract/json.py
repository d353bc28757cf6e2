"""JSON to types, from any thread.

msgspec works out what it has to know of a type when it first decodes to it. Another thread that
decodes to the type meanwhile reads what is half worked out, and the process dies (seen with 0.22).
So a type is worked out under a lock, once.
"""

from __future__ import annotations

from threading import Lock
from typing import Any, Final, TypeVar

import msgspec

_T = TypeVar("_T")

_working_out: Final = Lock()
_decoders: Final[dict[object, msgspec.json.Decoder[Any]]] = {}


def decoded(text: bytes | str, kind: type[_T]) -> _T:
    """Read JSON.

    Raises:
        msgspec.DecodeError: it is no JSON, or not of this type.
    """
    decoder = _decoders.get(kind) or _worked_out(kind)
    value: _T = decoder.decode(text)
    return value


def _worked_out(kind: object) -> msgspec.json.Decoder[Any]:
    with _working_out:
        if kind not in _decoders:
            _decoders[kind] = msgspec.json.Decoder(kind)
        return _decoders[kind]
