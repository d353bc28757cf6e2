"""Where records come from: the HTTP request that is being served."""

from __future__ import annotations

from contextvars import ContextVar

import msgspec

from shared.contract.envelope import Envelope
from shared.contract.messages import Client


class Origin(msgspec.Struct, frozen=True):
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
        """The envelope of a record that this request causes."""
        return Envelope(
            correlation_id=correlation_id,
            request_id=self.request_id,
            traceparent=self.traceparent,
            idempotency_key=idempotency_key,
        )


origin: ContextVar[Origin] = ContextVar("origin", default=Origin())  # noqa: B039 - it is frozen
