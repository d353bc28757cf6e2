"""The entry of a Lambda function: settings, telemetry and SnapStart around a handler.

With SnapStart many execution environments begin as copies of one memory. A connection, a random
state or a producer's id in it would be shared by all of them. Two idempotent producers of one id
overwrite each other's records in silence. So before the snapshot only modules are imported, and
everything that has a state is built after each restore.
"""

from __future__ import annotations

import importlib
import os
import random
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from shared.config.logs import configure
from shared.config.secrets import deferred_imports, environment
from shared.config.settings import LogSettings, load
from shared.runtime.observability import Invocations

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

LambdaEvent = Mapping[str, Any]
Response = dict[str, Any]
Handler = Callable[[LambdaEvent, "LambdaContext"], Response]
Measure = Callable[[LambdaEvent, Response], Mapping[str, int]]

_S = TypeVar("_S", bound=LogSettings)
_H = TypeVar("_H", bound=Handler)


class LambdaFunction(Generic[_H]):
    """What Lambda calls: a handler, with settings, logs and metrics around it.

    Args:
        service: the function's name in logs, metrics and traces.
        kind: its settings, read from the environment and from the secrets that it names.
        build: makes the handler proper, with all its clients; called once in an environment.
        metrics: what an invocation adds to the function's metrics.
        preload: modules that are otherwise imported when first needed. With SnapStart they are
            part of the snapshot, so that a restored copy need not wait for them.

    Raises:
        SettingsError: the environment is not complete.
    """

    def __init__(
        self,
        service: str,
        kind: type[_S],
        build: Callable[[_S], _H],
        *,
        metrics: Measure,
        preload: Iterable[str] = (),
    ) -> None:
        self._make: Callable[[], tuple[_H, Invocations]] = lambda: _make(service, kind, build)
        self._metrics = metrics
        self._made: tuple[_H, Invocations] | None = None
        if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
            self._begin_after_restore(preload)
        else:
            self.begin()

    @property
    def handler(self) -> _H:
        """The handler proper."""
        return self.begin()[0]

    def begin(self) -> tuple[_H, Invocations]:
        """Build everything that has a state, unless it has been built."""
        if self._made is None:
            random.seed()  # restored copies would all draw the same numbers
            self._made = self._make()
        return self._made

    def __call__(self, event: LambdaEvent, context: LambdaContext) -> Response:
        """Serve one invocation."""
        handler, invocations = self.begin()
        with invocations.recorded(context) as invocation:
            response = handler(event, context)
            invocation.count(self._metrics(event, response))
        return response

    def _begin_after_restore(self, preload: Iterable[str]) -> None:
        # Only the runtime has this module, and has imported it.
        from snapshot_restore_py import register_after_restore

        for name in (*preload, *deferred_imports(os.environ)):
            importlib.import_module(name)
        register_after_restore(self.begin)


def _make(service: str, kind: type[_S], build: Callable[[_S], _H]) -> tuple[_H, Invocations]:
    settings = load(kind, environment(os.environ))
    configure(service, settings)
    return build(settings), Invocations(service, settings)
