"""All mappings together: wired, started, stopped."""

from __future__ import annotations

import logging
from collections.abc import Callable
from collections.abc import Mapping as Environment
from threading import BoundedSemaphore, Event

from confluent_kafka import Consumer, KafkaException
from confluent_kafka.admin import AdminClient

from local.esm.batching import Batcher
from local.esm.client import GroupProtocol, consumer_config
from local.esm.delivery import Delivery
from local.esm.errors import BrokerUnreachable, EsmError, TemplateError
from local.esm.functions import Function, functions_of
from local.esm.intrinsics import Resolver
from local.esm.invoke.in_process import InProcess
from local.esm.invoke.outcome import Invoker
from local.esm.mappings import Mapping, mappings_of
from local.esm.options import Options
from local.esm.poller import Poller
from local.esm.template import load_template
from local.esm.workers import Workers
from shared.kafka import client_config
from shared.settings import KafkaSettings, load

log = logging.getLogger(__name__)

_LOCAL_CONCURRENCY = 10


def read_mappings(options: Options) -> list[Mapping]:
    """The mappings to run.

    Raises:
        TemplateError: there are none, or one is not what Lambda accepts.
    """
    template = load_template(options.template)
    resolver = Resolver(template, options.parameters)
    functions = functions_of(template, resolver, options.template.parent)
    mappings = mappings_of(template, resolver, functions, options.bootstrap_servers)
    if not mappings:
        raise TemplateError(f"{options.template} has no enabled Kafka event source mapping.")
    return _of_functions(mappings, options.functions)


def _of_functions(mappings: list[Mapping], names: tuple[str, ...]) -> list[Mapping]:
    known = {name for m in mappings for name in (m.function.logical_id, m.function.name)}
    for name in names:
        if name not in known:
            raise TemplateError(
                f"No Kafka mapping invokes {name}; there are: {', '.join(sorted(known))}."
            )
    wanted = set(names)
    return [m for m in mappings if not wanted or {m.function.logical_id, m.function.name} & wanted]


class Service:
    """Runs mappings until stopped.

    Args:
        mappings: what to run.
        options: how.
        environment: settings of the Kafka client.
    """

    def __init__(
        self, mappings: list[Mapping], options: Options, environment: Environment[str, str]
    ) -> None:
        self._mappings = mappings
        self._options = options
        self._environment = environment
        self._stopping = Event()
        self._ended = Event()
        self._failure: BaseException | None = None
        self._pollers: list[Poller] = []

    def run(self) -> None:
        """Start, wait for the end, and leave all groups.

        Raises:
            EsmError: it cannot start.
        """
        self._check_brokers()
        functions = {m.function.name: m.function for m in self._mappings}
        invoker = InProcess(functions.values())
        slots = {name: self._slots(function) for name, function in functions.items()}
        for mapping in self._mappings:
            self._pollers.append(self._start(mapping, invoker, slots[mapping.function.name]))
        self._wait()
        for poller in self._pollers:
            poller.join()
        invoker.close()
        if self._failure is not None:
            raise EsmError(f"Stopped: {self._failure}")

    def stop(self) -> None:
        """Let what is out end, then stop; safe to call from a signal handler."""
        self._stopping.set()

    def _wait(self) -> None:
        announced = False
        while not self._stopping.is_set() and any(p.running for p in self._pollers):
            if not announced and all(p.joined.is_set() for p in self._pollers):
                log.info("ready", extra={"mappings": len(self._pollers)})
                announced = True
            self._stopping.wait(0.05)

    def _start(self, mapping: Mapping, invoker: Invoker, slots: BoundedSemaphore) -> Poller:
        batcher = Batcher(mapping, self._options.payload_limit)
        poller = Poller(
            mapping,
            batcher,
            lambda on_statistics: self._consumer(mapping, on_statistics),
            self._stopping,
            self._fail,
            self._options.once,
        )
        delivery = Delivery(
            mapping,
            invoker,
            None,
            slots,
            self._stopping,
            self._options.pace,
            self._options.payload_limit,
        )
        workers = Workers(
            mapping.logical_id, 64, batcher, delivery, slots, self._stopping, self._fail
        )
        poller.start(workers)
        return poller

    def _slots(self, function: Function) -> BoundedSemaphore:
        return BoundedSemaphore(
            self._options.concurrency or function.concurrency or _LOCAL_CONCURRENCY
        )

    def _consumer(self, mapping: Mapping, on_statistics: Callable[[str], None]) -> Consumer:
        protocol: GroupProtocol = (
            "consumer" if self._options.group_protocol == "auto" else self._options.group_protocol
        )
        overrides = dict(self._options.kafka_properties)
        if self._options.once:
            overrides["enable.partition.eof"] = "true"
        return Consumer(
            consumer_config(mapping, self._kafka(mapping), protocol, overrides, on_statistics)
        )

    def _kafka(self, mapping: Mapping) -> KafkaSettings:
        servers = ",".join(mapping.servers)
        return load(KafkaSettings, {**self._environment, "KAFKA_BOOTSTRAP_SERVERS": servers})

    def _check_brokers(self) -> None:
        for servers in {m.servers for m in self._mappings}:
            mapping = next(m for m in self._mappings if m.servers == servers)
            config = {**client_config(self._kafka(mapping)), **self._options.kafka_properties}
            try:
                AdminClient(config).list_topics(timeout=self._options.connect_timeout_s)
            except KafkaException as error:
                raise BrokerUnreachable(
                    f"No broker answers at {','.join(servers)}: {error.args[0].str()}."
                ) from None

    def _fail(self, error: BaseException) -> None:
        self._failure = self._failure or error
        self._stopping.set()
