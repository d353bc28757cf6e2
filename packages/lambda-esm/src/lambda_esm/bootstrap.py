"""All mappings together: put together, started, watched, stopped."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping as Environment
from functools import partial
from threading import BoundedSemaphore, Event
from typing import Any, Final

from confluent_kafka import Consumer

from lambda_esm.batch.batcher import Batcher
from lambda_esm.connect.brokers import Cluster, probe
from lambda_esm.connect.client import consumer_config
from lambda_esm.connect.credentials import connection_config
from lambda_esm.deliver.delivery import Delivery
from lambda_esm.deliver.workers import Workers
from lambda_esm.destinations.kafka import KafkaDestination
from lambda_esm.destinations.on_failure import Destination
from lambda_esm.errors import EsmError
from lambda_esm.filter.filters import Filter
from lambda_esm.invoke.endpoint import EndpointInvoker
from lambda_esm.invoke.in_process import InProcessInvoker
from lambda_esm.invoke.processes import ProcessInvoker
from lambda_esm.model.function import Function
from lambda_esm.model.mapping import GroupProtocol, Mapping
from lambda_esm.model.outcome import Invoker
from lambda_esm.observe.http import HttpServer
from lambda_esm.observe.metrics import Metrics
from lambda_esm.observe.observer import Observer
from lambda_esm.options import Options
from lambda_esm.poll.poller import Poller
from lambda_esm.settings import KafkaSettings, load

log = logging.getLogger(__name__)

# Threads in this process: more would wait for each other. An account in AWS begins with 1,000.
_CONCURRENCY_IN_PROCESS: Final = 10
_CONCURRENCY_AT_ENDPOINT: Final = 1000
_WATCH_INTERVAL_S: Final = 0.05


class Service:
    """All mappings of one command, run until stopped.

    Args:
        mappings: what to run.
        options: of the command line.
        environment: variables with the settings of the Kafka client.
    """

    def __init__(
        self, mappings: list[Mapping], options: Options, environment: Environment[str, str]
    ) -> None:
        self._mappings = mappings
        self._options = options
        self._environment = environment
        self._stopping = Event()
        self._failure: BaseException | None = None
        self._metrics = Metrics()
        self._pollers: list[tuple[Poller, Observer]] = []
        self._destinations: list[Destination] = []

    def run(self) -> None:
        """Start, wait for the end, and leave all groups.

        Raises:
            EsmError: it cannot start, or a poller or a delivery broke off.
        """
        connections = [self._connection(mapping) for mapping in self._mappings]
        clusters = self._clusters(connections)
        invoker = self._invoker()
        http = self._http()
        functions = {m.function.name: m.function for m in self._mappings}
        slots = {name: self._slots(function) for name, function in functions.items()}
        for mapping, config in zip(self._mappings, connections, strict=True):
            cluster = clusters[config["bootstrap.servers"]]
            self._check_topics(mapping, cluster)
            protocols = self._protocols(cluster)
            self._start(mapping, config, protocols, invoker, slots[mapping.function.name])
        self._wait()
        for poller, _ in self._pollers:
            poller.join()
        for destination in self._destinations:
            destination.close()
        invoker.close()
        if http is not None:
            http.close()
        if self._failure is not None:
            raise EsmError(f"Stopped: {self._failure}") from self._failure

    def stop(self) -> None:
        """Let invocations end, then stop; a signal handler may call it."""
        self._stopping.set()

    def health(self) -> dict[str, Any]:
        """Return the state of every mapping.

        ``alive``: all loops turn and no invocation is a minute beyond its timeout. ``healthy``: all
        mappings are members of their groups, too.
        """
        now = time.monotonic()
        states = {
            poller.mapping.logical_id: {
                "joined": poller.joined.is_set(),
                "polledSecondsAgo": round(now - poller.alive_at, 1),
                "invocations": observer.in_flight,
                "overdue": observer.overdue,
                "alive": poller.alive and not observer.overdue,
            }
            for poller, observer in self._pollers
        }
        started = len(states) == len(self._mappings)
        alive = all(state["alive"] for state in states.values())
        joined = all(state["joined"] for state in states.values())
        return {"healthy": started and alive and joined, "alive": alive, "mappings": states}

    def _wait(self) -> None:
        announced = False
        while not self._stopping.is_set() and any(p.running for p, _ in self._pollers):
            if not announced and all(p.joined.is_set() for p, _ in self._pollers):
                log.info("ready", extra={"mappings": len(self._pollers)})
                announced = True
            self._stopping.wait(_WATCH_INTERVAL_S)
        if self._stopping.is_set():
            log.info("stopping", extra={"invocations": sum(o.in_flight for _, o in self._pollers)})

    def _start(
        self,
        mapping: Mapping,
        config: dict[str, Any],
        protocols: list[GroupProtocol],
        invoker: Invoker,
        slots: BoundedSemaphore,
    ) -> None:
        options = self._options
        observer = Observer(mapping, self._metrics)
        batcher = Batcher(mapping, options.payload_limit)
        delivery = Delivery(
            mapping,
            invoker,
            self._destination(mapping, config),
            slots,
            self._stopping,
            observer,
            options.backoff,
            options.payload_limit,
        )
        workers = Workers(mapping, batcher, delivery, slots, self._stopping, self._fail)
        poller = Poller(
            mapping,
            batcher,
            observer,
            Filter(mapping.filters).matches if mapping.filters else None,
            self._stopping,
            self._fail,
            once=options.once,
        )
        poller.start(
            [partial(self._consumer, mapping, config, each, poller) for each in protocols], workers
        )
        self._pollers.append((poller, observer))

    def _consumer(
        self, mapping: Mapping, config: dict[str, Any], protocol: GroupProtocol, poller: Poller
    ) -> Consumer:
        properties = consumer_config(
            mapping,
            config,
            protocol,
            self._fetch_wait_ms(),
            poller.on_statistics,
            poller.on_commit,
        )
        properties["enable.partition.eof"] = self._options.once
        return Consumer({**properties, **self._options.kafka_properties})

    def _fetch_wait_ms(self) -> int:
        return load(
            KafkaSettings, {"KAFKA_BOOTSTRAP_SERVERS": "-", **self._environment}
        ).kafka_fetch_wait_ms

    def _connection(self, mapping: Mapping) -> dict[str, Any]:
        from_template = self._options.bootstrap_servers is None
        config = connection_config(mapping, self._environment, from_template=from_template)
        return {**config, **self._options.kafka_properties}

    def _check_topics(self, mapping: Mapping, cluster: Cluster) -> None:
        """Warn of topics that do not exist yet: their mappings wait for them in silence."""
        if self._options.once and mapping.topic not in cluster.topics:
            raise EsmError(f"{mapping.logical_id}: there is no topic {mapping.topic}.")
        wanted = {mapping.topic}
        if mapping.destination.startswith("kafka://"):
            wanted.add(mapping.destination.removeprefix("kafka://"))
        for topic in sorted(wanted - cluster.topics):
            log.warning("no such topic yet", extra={"mapping": mapping.logical_id, "topic": topic})

    def _clusters(self, connections: list[dict[str, Any]]) -> dict[str, Cluster]:
        """Return every cluster by its servers; raise when one cannot be reached."""
        by_servers = {config["bootstrap.servers"]: config for config in connections}
        timeout_s = self._options.connect_timeout_s
        return {servers: probe(config, timeout_s) for servers, config in by_servers.items()}

    def _protocols(self, cluster: Cluster) -> list[GroupProtocol]:
        """Return the group protocols to try, one after the other."""
        chosen = self._options.group_protocol
        if chosen != "auto":
            return [chosen]
        return ["consumer", "classic"] if cluster.protocol == "consumer" else ["classic"]

    def _invoker(self) -> Invoker:
        options = self._options
        if options.endpoints:
            connections = options.concurrency or 100
            return EndpointInvoker(options.endpoints, connections, options.endpoint_grace_s)
        if options.invoke == "processes":
            return ProcessInvoker(self._mappings)
        return InProcessInvoker({m.function.name: m.function for m in self._mappings}.values())

    def _slots(self, function: Function) -> BoundedSemaphore:
        default = _CONCURRENCY_IN_PROCESS
        if self._options.endpoints:
            default = _CONCURRENCY_AT_ENDPOINT
        elif self._options.invoke == "processes":
            default = os.cpu_count() or 1
        return BoundedSemaphore(self._options.concurrency or function.concurrency or default)

    def _destination(self, mapping: Mapping, config: dict[str, Any]) -> Destination | None:
        if not mapping.destination:
            return None
        destination = _destination_of(mapping.destination, config)
        self._destinations.append(destination)
        return destination

    def _http(self) -> HttpServer | None:
        if self._options.http is None:
            return None
        return HttpServer(self._options.http, self._metrics.text, self.health)

    def _fail(self, error: BaseException) -> None:
        self._failure = self._failure or error
        self._stopping.set()


def _destination_of(name: str, config: dict[str, Any]) -> Destination:
    if name.startswith("kafka://"):
        return KafkaDestination(name.removeprefix("kafka://"), config)
    from lambda_esm.destinations.aws import AwsDestination  # boto3 takes long to import

    return AwsDestination(name)
