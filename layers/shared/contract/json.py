"""JSON to types, from any thread.

msgspec builds its description of a type when it first decodes to it. Another thread that decodes
to the type meanwhile reads a half-built description, and the process dies (seen with 0.22). So each
decoder is built once, under a lock.
"""

from __future__ import annotations

from threading import Lock
from typing import Any, Final, TypeVar

import msgspec

_T = TypeVar("_T")

_building: Final = Lock()
_decoders: Final[dict[object, msgspec.json.Decoder[Any]]] = {}


def decode_json(text: bytes | str, kind: type[_T]) -> _T:
    """Decode JSON to a type.

    Raises:
        msgspec.DecodeError: it is no JSON, or not of this type.
    """
    decoder = _decoders.get(kind) or _build_decoder(kind)
    value: _T = decoder.decode(text)
    return value


def _build_decoder(kind: object) -> msgspec.json.Decoder[Any]:
    with _building:
        if kind not in _decoders:
            _decoders[kind] = msgspec.json.Decoder(kind)
        return _decoders[kind]
