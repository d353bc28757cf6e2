"""The rules for a new password: not common, and not made of the user's name or e-mail.

NIST SP 800-63B-4, section 3.1.1.2, and OWASP ASVS 5, 6.2: a length, a list, and no rule of
composition. The list stands beside; ``docs/security.md`` says where it is from.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from shared.contract.errors import WeakPassword

_SHORTEST, _LONGEST = 8, 128
_LIST = Path(__file__).with_name("common_passwords.txt")
# Shorter parts of a name or an address are in half of all words.
_SHORTEST_PART = 4
# A shorter rest, without the user's own words, would not be a password either.
_LEFT_OVER = 8
_PARTS = re.compile(r"[^\W_]+")


def refuse_weak(password: str, *known: str | None) -> None:
    """Refuse a new password that is easy to guess.

    Args:
        password: as it was typed; nothing is trimmed or normalized.
        known: what a stranger may know of the user: e-mail, name.

    Raises:
        WeakPassword: with a sentence that says why.
    """
    if not _SHORTEST <= len(password) <= _LONGEST:
        raise WeakPassword(f"A password has {_SHORTEST} to {_LONGEST} characters.")
    folded = password.casefold()
    if folded in _common():
        raise WeakPassword("This is one of the passwords that are tried first.")
    rest = folded
    for part in sorted(_parts(known), key=len, reverse=True):
        rest = rest.replace(part, "")
    if rest != folded and len(rest) < _LEFT_OVER:
        raise WeakPassword("A password must not be made of your own name or e-mail.")


def _parts(known: tuple[str | None, ...]) -> set[str]:
    texts = [text.casefold() for text in known if text]
    words = {word for text in texts for word in _PARTS.findall(text)}
    local_parts = {text.partition("@")[0] for text in texts}
    return {each for each in (*texts, *local_parts, *words) if len(each) >= _SHORTEST_PART}


@cache
def _common() -> frozenset[str]:
    """Return the list of common passwords, read at the first call.

    A cold start that only signs users in does without it.
    """
    return frozenset(_LIST.read_text(encoding="utf-8").splitlines())
