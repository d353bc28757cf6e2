"""The table that ``make faults`` prints."""

from __future__ import annotations

from collections.abc import Callable

from tests.faults.fault import Row

_COLUMNS: tuple[tuple[str, int, Callable[[Row], str]], ...] = (
    ("fault", 46, lambda row: row.name),
    ("acked", 6, lambda row: str(row.outcomes["acknowledged"])),
    ("5xx", 5, lambda row: str(row.outcomes["refused"])),
    ("cut off", 8, lambda row: str(row.outcomes["unanswered"])),
    ("slowest", 8, lambda row: f"{row.slowest_s:.1f} s"),
    ("back in", 8, lambda row: f"{row.recovered_s:.1f} s"),
    ("drained", 8, lambda row: f"{row.drained_s:.1f} s"),
    ("users=rows=mails", 17, lambda row: f"{row.registered}={row.rows}={row.mails}"),
    ("copies", 7, lambda row: str(row.copies)),
    ("on-failure", 11, lambda row: str(row.failed)),
)


def head() -> str:
    """The first line."""
    titles = (f"{title:{'<' if not n else '>'}{width}}" for n, (title, width, _) in _numbered())
    return "".join(titles)


def line(row: Row) -> str:
    """One fault, and below it what did not hold."""
    if row.skipped:
        return f"{row.name:46}  skipped: {row.skipped}"
    cells = (f"{cell(row):{'<' if not n else '>'}{width}}" for n, (_, width, cell) in _numbered())
    verdict = "  holds" if not row.problems else "  BROKEN"
    more = [f"    {problem}" for problem in row.problems[:12]]
    return "\n".join(["".join(cells) + verdict, *more])


def _numbered() -> enumerate[tuple[str, int, Callable[[Row], str]]]:
    return enumerate(_COLUMNS)
