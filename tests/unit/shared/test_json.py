"""A type that several threads decode to for the first time at once, in a process that may die."""

from __future__ import annotations

import subprocess
import sys

_FIRST_DECODES = """
import sys, threading, msgspec
from shared.contract.json import decode_json

sys.setswitchinterval(1e-6)
members = range(60)
document = msgspec.json.encode({f"m{number}": "x" for number in members})

def first(kind, together):
    together.wait()
    assert decode_json(document, kind).m59 == "x"

for number in range(200):
    text = msgspec.Meta(max_length=number + 1)
    fields = [(f"m{member}", __import__("typing").Annotated[str, text]) for member in members]
    kind, together = msgspec.defstruct(f"Kind{number}", fields), threading.Barrier(6)
    threads = [threading.Thread(target=first, args=(kind, together)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print("alive")
"""


def test_threads_may_decode_to_a_new_type_at_once() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _FIRST_DECODES], capture_output=True, text=True, check=False
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "alive\n", "")
