"""The mails of the inbox, newest first, each an ``.eml`` file in a folder."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from local.services.inbox.mail import Mail, Summary, read, summary

_KEPT = 500  # mails; Mailpit's default
_NS = 1_000_000_000


class Store:
    """A folder of mails, and the list of them in memory.

    Args:
        folder: is made when it does not exist; the mails in it are read.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._list: list[Summary] = []
        for path in sorted(folder.glob("*.eml"))[-_KEPT:]:
            self._enter(path.stem, path.read_bytes())

    def __len__(self) -> int:
        return len(self._list)

    @property
    def unread(self) -> int:
        """How many are unread since this process started."""
        return sum(not each.read for each in self._list)

    def add(self, raw: bytes) -> Summary:
        """Keep a mail; beyond 500 the oldest goes."""
        # The time comes first, so that the order of names is the order of arrival.
        mail_id = f"{time.time_ns():016x}{secrets.token_hex(3)}"
        self._file(mail_id).write_bytes(raw)
        for old in self._list[_KEPT - 1 :]:
            self.remove([old.id])
        return self._enter(mail_id, raw)

    def page(self, start: int, limit: int) -> Sequence[Summary]:
        """Part of the list."""
        return self._list[start : start + limit]

    def search(self, query: str) -> list[Summary]:
        """Return the mails that have every word of the query.

        ``to:``, ``from:`` and ``subject:`` before a word look there only.
        """
        words = query.lower().split()
        return [each for each in self._list if all(_has(each, word) for word in words)]

    def get(self, mail_id: str) -> Mail | None:
        """Return a mail, which then counts as read; ``latest`` names the newest one."""
        found = self._position(mail_id)
        if found is None:
            return None
        entry = self._list[found] = msgspec.structs.replace(self._list[found], read=True)
        return read(entry.id, self._file(entry.id).read_bytes(), entry.created)

    def raw(self, mail_id: str) -> bytes | None:
        """Return a mail as it was received."""
        found = self._position(mail_id)
        return None if found is None else self._file(self._list[found].id).read_bytes()

    def remove(self, ids: Sequence[str] = ()) -> None:
        """Remove the named mails; all of them when none is named."""
        gone = {each.id for each in self._list if not ids or each.id in ids}
        self._list = [each for each in self._list if each.id not in gone]
        for mail_id in gone:
            self._file(mail_id).unlink(missing_ok=True)

    def _enter(self, mail_id: str, raw: bytes) -> Summary:
        received = _received(mail_id)
        entry = summary(read(mail_id, raw, received), received)
        self._list.insert(0, entry)
        return entry

    def _position(self, mail_id: str) -> int | None:
        if mail_id == "latest":
            return 0 if self._list else None
        return next((at for at, each in enumerate(self._list) if each.id == mail_id), None)

    def _file(self, mail_id: str) -> Path:
        return self._folder / f"{mail_id}.eml"


def _received(mail_id: str) -> datetime:
    """Read the time in a mail's name; 1970 for a file that is not ours."""
    try:
        return datetime.fromtimestamp(int(mail_id[:16], 16) / _NS, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


def _has(entry: Summary, word: str) -> bool:
    people = " ".join(f"{who.name} {who.address}" for who in (*entry.to, *entry.cc, *entry.bcc))
    places = {
        "to": people,
        "from": f"{entry.from_.name} {entry.from_.address}",
        "subject": entry.subject,
    }
    place, colon, rest = word.partition(":")
    if colon and place in places:
        return rest.strip('"') in places[place].lower()
    return word.strip('"') in " ".join((*places.values(), entry.snippet)).lower()
