"""Imports that libraries make and this system does not need: not at a cold start, or not at all.

A library imports at its top what only some of its functions use. Around the import of the library,
:func:`deferred` lets such a module be executed when something of it is first used, and
:func:`hidden` lets an optional one seem not to be installed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType


@contextmanager
def deferred(*names: str) -> Iterator[None]:
    """Modules imported inside are executed at their first use (:class:`importlib.util.LazyLoader`).

    That spares nothing where names are imported *from* such a module: it is a first use.
    """
    finder = _Deferred(names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


@contextmanager
def hidden(name: str) -> Iterator[None]:
    """Inside, importing a module that is not there already fails as if it were not installed."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment] # the import system's own sign for it
    try:
        yield
    finally:
        del sys.modules[name]


class _Deferred:
    """A finder (:class:`importlib.abc.MetaPathFinder`) of some modules on the usual path."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in self._names:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec
