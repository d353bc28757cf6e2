"""The HTTP request that is being served: Kafka records, limits and logs say what it came from."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

import msgspec

from shared.contract.envelope import Envelope
from shared.contract.messages import Client


class RequestContext(msgspec.Struct, frozen=True):
    """One HTTP request.

    Attributes:
        request_id: ``x-request-id``, given or made.
        traceparent: W3C Trace Context, when the client sent one.
        client: the device that sent it.
    """

    request_id: str | None = None
    traceparent: str | None = None
    client: Client = Client()

    def envelope(
        self, *, correlation_id: str | None = None, idempotency_key: str | None = None
    ) -> Envelope:
        """Return the envelope of a record that this request causes."""
        return Envelope(
            correlation_id=correlation_id,
            request_id=self.request_id,
            traceparent=self.traceparent,
            idempotency_key=idempotency_key,
        )


_NO_REQUEST: Final = RequestContext()

request_context: ContextVar[RequestContext] = ContextVar("request_context", default=_NO_REQUEST)
