"""The topics."""

from __future__ import annotations

import pytest

from shared.contract import topics


@pytest.mark.parametrize("name", ["gateway.reply", "user.validate.reply"])
def test_a_reply_goes_to_a_reply_topic(name: str) -> None:
    assert topics.is_reply_topic(name)


@pytest.mark.parametrize(
    "name", ["", ".reply", "user.register", "a.reply.x", "reply", "__consumer"]
)
def test_a_reply_goes_nowhere_else(name: str) -> None:
    assert not topics.is_reply_topic(name)


def test_every_constant_is_a_topic_that_gets_created() -> None:
    named = {
        value
        for name, value in vars(topics).items()
        if name.isupper() and isinstance(value, str) and not name.endswith("SUFFIX")
    }

    assert named == {topic.name for topic in topics.TOPICS}
