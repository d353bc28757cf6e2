"""The headers of a record: NestJS's, and ours."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from shared.contract.envelope import Envelope, reply_headers


def test_a_request_carries_what_nestjs_reads() -> None:
    request = Envelope(correlation_id="c1", reply_topic="gateway.reply", reply_partition=3)

    assert request.to_headers() == [
        ("kafka_correlationId", b"c1"),
        ("kafka_replyTopic", b"gateway.reply"),
        ("kafka_replyPartition", b"3"),
    ]


def test_what_is_written_is_read_back() -> None:
    request = Envelope(
        correlation_id="c1",
        reply_topic="gateway.reply",
        reply_partition=0,
        deadline_ms=1_795_000_000_000,
        request_id="r1",
        traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01",
        idempotency_key="k1",
    )

    assert Envelope.from_headers(request.to_headers()) == request


def test_without_a_correlation_id_or_a_reply_topic_it_is_an_event() -> None:
    assert not Envelope(reply_topic="a.reply").expects_reply
    assert not Envelope(correlation_id="c1").expects_reply
    assert Envelope(correlation_id="c1", reply_topic="a.reply").expects_reply


def test_a_deadline_expires() -> None:
    now_ms = int(time.time() * 1000)

    assert Envelope(deadline_ms=now_ms - 1_000).expired
    assert Envelope(deadline_ms=now_ms - 1_000).seconds_left == 0
    assert not Envelope(deadline_ms=now_ms + 60_000).expired
    assert not Envelope().expired
    assert Envelope().seconds_left is None


def test_a_reply_ends_a_nestjs_clients_stream() -> None:
    request = Envelope(correlation_id="c1", reply_topic="a.reply", request_id="r1")

    assert reply_headers(request) == [
        ("kafka_correlationId", b"c1"),
        ("x-request-id", b"r1"),
        ("kafka_nest-is-disposed", b"\x00"),
    ]


def test_an_error_header_is_never_empty() -> None:
    request = Envelope(correlation_id="c1", reply_topic="a.reply")

    assert ("kafka_nest-err", b"{}") in reply_headers(request, b"{}")
    assert "kafka_nest-err" not in dict(reply_headers(request, b""))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["kafka_correlationId", "kafka_replyTopic", "kafka_replyPartition", "deadline", "x"]
            ),
            st.none() | st.binary(max_size=30),
        )
    )
)
def test_no_header_can_break_the_reading(headers: list[tuple[str, bytes | None]]) -> None:
    envelope = Envelope.from_headers(headers)

    assert isinstance(envelope.expired, bool)
    assert isinstance(envelope.expects_reply, bool)
