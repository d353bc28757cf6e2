"""Custom resource ``Custom::Topics``: the cluster's topics, as the template states them.

The template carries name, partitions and retention of each, so a change of
:mod:`shared.contract.topics` changes the template, and is made before any change of a function.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from shared.bus.producer import client_config
from shared.bus.topic_admin import ensure_topics
from shared.config.logs import configure
from shared.config.secrets import environment
from shared.config.settings import KafkaSettings, load
from shared.contract.topics import Topic
from shared.runtime.custom_resource import answer_with


class TopicsNotMade(Exception):
    """The topics cannot be made; the message has Kafka's address and its reason."""


def stated(properties: Mapping[str, Any]) -> list[Topic]:
    """Return the topics in a resource's properties, in which numbers are texts."""
    return [
        Topic(topic["Name"], int(topic["Partitions"]), int(topic["RetentionMs"]))
        for topic in properties["Topics"]
    ]


def _ensure(properties: Mapping[str, Any]) -> dict[str, str]:
    settings = load(KafkaSettings, environment(os.environ))
    configure("topics", settings)
    try:
        changes = ensure_topics(
            AdminClient(client_config(settings)),
            stated(properties),
            roll_segments=properties.get("RollSegments", "true") == "true",
        )
    except KafkaException as error:
        raise TopicsNotMade(
            f"Kafka at {settings.kafka_bootstrap_servers} cannot be reached, or refuses: "
            f"{error.args[0].str()}"
        ) from error
    return {
        "Created": ", ".join(changes.created),
        "Grown": ", ".join(changes.grown),
        "Configured": ", ".join(changes.configured),
    }


handler = answer_with(_ensure)
