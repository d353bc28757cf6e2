"""Lambda entry of the user function: Kafka event in, partial batch response out."""

from __future__ import annotations

from shared.batch import counts
from shared.entry import Handler, LambdaFunction
from user.settings import Settings
from user.wiring import build


def _build(settings: Settings) -> Handler:
    function = build(settings)
    return lambda event, _: function(event)


handler = LambdaFunction("user", Settings, _build, counts=counts)
