"""Starts everything in the right order, keeps it running, and ends all of it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from queue import Empty, SimpleQueue
from typing import Final

from local.dev import readiness, watch
from local.dev.program import Ended, Program, Ready
from local.dev.readiness import Answering, NotAnswering
from local.dev.screen import Screen
from local.dev.state import ENV_FILE, State
from local.dev.system import BROKER, NEEDS_DATABASE, PROGRAMS, SERVICES, System
from local.dev.watch import Changed
from local.process import Group, Process, StartError

_START_S: Final = 30.0
_STOP_S: Final = 10.0
_SLOW_S: Final = 30.0  # after which a program that is not ready is named

Event = Ended | Ready | Changed | Answering | NotAnswering


class Supervisor:
    """Runs the system until it is interrupted.

    Args:
        system: what there is to run.
        state: where data and logs are kept.
        group: whom all processes belong to.
        screen: what the person looks at.
        port: of the API.
        started_at: monotonic time of the command's start.
    """

    def __init__(
        self,
        system: System,
        state: State,
        group: Group,
        screen: Screen,
        port: int,
        started_at: float,
    ) -> None:
        self._system, self._state, self._screen, self._port = system, state, screen, port
        self._started_at = started_at
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._asked_readiness = False
        self._slow_at: float | None = time.monotonic() + _SLOW_S
        logs = state / "logs"
        logs.mkdir(exist_ok=True)
        shown = {*PROGRAMS, "inbox"}
        self._parts = {
            name: Program(
                name,
                make,
                group=group,
                log=logs / f"{name}.log",
                tell=self._events.put,
                screen=screen if name in shown else None,
            )
            for name, make in system.parts().items()
        }

    def run(self) -> None:
        """Start everything and handle what happens; ends by an exception only.

        Raises:
            StartError: a service does not start.
            KeyboardInterrupt: the person, or a signal, wants the end.
        """
        self._start()
        watcher = watch.Watcher(self._events.put)
        try:
            with self._state.env_file(self._system.addresses.for_tools()):
                while True:
                    self._handle(self._next())
        finally:
            watcher.stop()

    def stop(self) -> None:
        """End the programs, while the services they need are there; then the services."""
        self._stop(PROGRAMS)
        self._stop(SERVICES)
        for part in self._parts.values():
            part.close()

    def _start(self) -> None:
        """Start what needs nothing first; preparing the database goes on beside the others."""
        if self._system.postgres.is_new:
            self._screen.say("creating the database (the first time only) ...")
        services = {name: self._parts[name].start() for name in SERVICES}
        found = services[BROKER].wait_ready(_START_S)
        self._system.found_broker(found["address"])
        for name in PROGRAMS:
            if name != NEEDS_DATABASE:
                self._parts[name].start()
        services["postgres"].wait_ready(_START_S)
        self._parts[NEEDS_DATABASE].start()
        for service in services.values():
            service.wait_ready(_START_S)

    def _next(self) -> Event | None:
        """Wait for the next event; None when something is due."""
        due = [part.due_at for part in self._parts.values() if part.due_at is not None]
        if self._slow_at is not None:
            due.append(self._slow_at)
        wait = max(0.0, min(due) - time.monotonic()) if due else None
        try:
            return self._events.get(timeout=wait)
        except Empty:
            return None

    def _handle(self, event: Event | None) -> None:
        match event:
            case Ended(program, process):
                self._ended(program, process)
            case Ready(program, _):
                self._ready(program)
            case Changed(paths):
                self._reload(paths)
            case Answering(at):
                self._welcome(at - self._started_at)
            case NotAnswering(reason):
                self._screen.say(f"still not ready: {reason}")
                self._show_lines()
            case None:
                self._start_due()
                self._name_slow()

    def _ended(self, program: Program, process: Process) -> None:
        delay = program.fail(process)
        if delay is None:
            return
        self._screen.say(f"{program.name} ended ({process.exit_code}); again in {delay:g} s")
        if program.name == BROKER:
            for name in PROGRAMS:  # nothing is left that they could take their leave of
                self._parts[name].kill()

    def _ready(self, program: Program) -> None:
        if program.was_ready:
            self._screen.say(f"{program.name} is ready again after {program.seconds:.1f} s")
        program.was_ready = True
        if not self._asked_readiness and all(self._parts[name].is_ready for name in PROGRAMS):
            self._asked_readiness = True
            readiness.watch(self._port, self._events.put)

    def _welcome(self, seconds: float) -> None:
        api, inbox, *_ = self._system.addresses
        folder = self._state.folder.name
        self._screen.banner(api, inbox, f"{folder}/{ENV_FILE}", f"{folder}/logs", seconds)
        self._show_lines()

    def _show_lines(self) -> None:
        for part in self._parts.values():
            part.is_shown = True

    def _reload(self, paths: tuple[str, ...]) -> None:
        names = watch.concerned(paths)
        if names:
            more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
            self._screen.say(f"{paths[0]}{more} changed: restarting {', '.join(sorted(names))}")
            self._restart(names)

    def _start_due(self) -> None:
        now = time.monotonic()
        for name, part in self._parts.items():
            if part.due_at is not None and part.due_at <= now:
                self._start_again(name)

    def _name_slow(self) -> None:
        """Name the programs that are not ready after a while, with what they have written."""
        if self._slow_at is None or time.monotonic() < self._slow_at:
            return
        self._slow_at = None
        for name in PROGRAMS:
            if not self._parts[name].was_ready:
                self._screen.say(f"{name} is not ready after {_SLOW_S:g} s; it has written:")
                self._parts[name].show_held()

    def _start_again(self, name: str) -> None:
        try:
            process = self._parts[name].start()
            if name == BROKER:
                self._broker_moved(process.wait_ready(_START_S)["address"])
        except (StartError, OSError) as error:
            self._screen.say(str(error))

    def _broker_moved(self, address: str) -> None:
        """Start every program again: a new broker is empty and listens elsewhere."""
        self._system.found_broker(address)
        self._state.write_env(self._system.addresses.for_tools())
        for name in PROGRAMS:
            self._start_again(name)

    def _restart(self, names: Iterable[str]) -> None:
        names = list(names)
        self._stop(names)
        for name in names:
            self._start_again(name)

    def _stop(self, names: Iterable[str]) -> None:
        parts = [self._parts[name] for name in names]
        for part in parts:
            part.ask_to_stop()
        for part in parts:
            part.stop(_STOP_S)
