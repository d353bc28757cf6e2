"""Lambda entry of the user function: Kafka event in, partial batch response out."""

from __future__ import annotations

from shared.runtime.batch import metrics
from shared.runtime.lambda_function import Handler, LambdaFunction
from user.bootstrap import build
from user.settings import Settings


def _build(settings: Settings) -> Handler:
    function = build(settings)
    return lambda event, _: function(event)


handler = LambdaFunction("user", Settings, _build, metrics=metrics)
