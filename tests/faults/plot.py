"""A plot of an overload, as SVG: answers a second by what they were, and how long they took."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.faults.arrivals import Answer, centile, statuses

_WIDTH, _HEIGHT, _LEFT, _TOP, _GAP = 760, 150, 60, 30, 60
_KINDS = (("200", "#2b8a3e"), ("429", "#f59f00"), ("503", "#e8590c"), ("504", "#c92a2a"))


def draw(answers: list[Answer], path: Path, title: str) -> None:
    """Write the plot."""
    seconds = _by_second(answers)
    most = max(len(each) for each in seconds)
    longest = max(1.0, *(centile(each, 0.99) for each in seconds))
    below = _TOP + _HEIGHT + _GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH + 120}" height="{below + 200}">',
        "<style>text { font: 12px sans-serif }</style>",
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{_LEFT}" y="18">{title}</text>',
        *_bars(seconds, most),
        *_axis(_TOP, f"{most}/s"),
        *_line(seconds, longest, below, 0.99, "#1864ab"),
        *_line(seconds, longest, below, 0.5, "#74c0fc"),
        *_axis(below, f"{longest:.1f} s"),
        f'<text x="{_LEFT}" y="{below - 8}">accepted: p99 (dark) and p50 (light)</text>',
        *_legend(),
        f'<text x="{_LEFT}" y="{below + _HEIGHT + 18}">seconds: 0 to {len(seconds)}</text>',
        "</svg>\n",
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(parts))


def _by_second(answers: list[Answer]) -> list[list[Answer]]:
    last = int(max(each.at_s for each in answers))
    return [[each for each in answers if int(each.at_s) == n] for n in range(last + 1)]


def _bars(seconds: list[list[Answer]], most: int) -> Iterable[str]:
    step = _WIDTH / len(seconds)
    for number, answers in enumerate(seconds):
        found, bottom = statuses(answers), float(_TOP + _HEIGHT)
        for kind, colour in _KINDS:
            height = found[int(kind)] / most * _HEIGHT
            bottom -= height
            yield (
                f'<rect x="{_LEFT + number * step:.1f}" y="{bottom:.1f}"'
                f' width="{step * 0.9:.1f}" height="{height:.1f}" fill="{colour}"/>'
            )


def _line(
    seconds: list[list[Answer]], longest: float, top: int, share: float, colour: str
) -> Iterable[str]:
    step = _WIDTH / len(seconds)
    heights = (centile(each, share) / longest * _HEIGHT for each in seconds)
    points = (
        f"{_LEFT + (n + 0.45) * step:.1f},{top + _HEIGHT - height:.1f}"
        for n, height in enumerate(heights)
    )
    yield f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _axis(top: int, most: str) -> Iterable[str]:
    bottom = top + _HEIGHT
    yield f'<path d="M{_LEFT} {top}V{bottom}H{_LEFT + _WIDTH}" fill="none" stroke="black"/>'
    yield f'<text x="{_LEFT - 6}" y="{top + 10}" text-anchor="end">{most}</text>'
    yield f'<text x="{_LEFT - 6}" y="{bottom}" text-anchor="end">0</text>'


def _legend() -> Iterable[str]:
    for number, (kind, colour) in enumerate(_KINDS):
        y = _TOP + 10 + number * 20
        yield f'<rect x="{_LEFT + _WIDTH + 14}" y="{y}" width="12" height="12" fill="{colour}"/>'
        yield f'<text x="{_LEFT + _WIDTH + 32}" y="{y + 11}">{kind}</text>'
