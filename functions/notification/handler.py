"""Lambda entry of the notification function: Kafka event in, partial batch response out."""

from __future__ import annotations

from notification.bootstrap import NotificationFunction
from notification.settings import Settings
from shared.runtime.batch import metrics
from shared.runtime.lambda_function import LambdaFunction

handler = LambdaFunction(
    "notification",
    Settings,
    NotificationFunction,
    metrics=metrics,
    preload=("boto3", "notification.transports.ses"),
)
