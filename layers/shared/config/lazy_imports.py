"""Imports that libraries make, and that a cold start or the whole system does not need.

A library imports at its top what only some of its functions use. Put around the import of the
library, :func:`deferred` delays such a module until its first use, and :func:`hidden` makes an
optional one seem not to be installed.
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
    """Delay the modules that the block imports until their first use.

    This is :class:`importlib.util.LazyLoader`. It saves nothing where names are imported *from*
    such a module, because that is a first use.
    """
    finder = _Deferred(names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


@contextmanager
def hidden(name: str) -> Iterator[None]:
    """Let the block's imports of a module fail as if it were not installed.

    A module that has been imported before stays.
    """
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment] # the import system's own mark
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
