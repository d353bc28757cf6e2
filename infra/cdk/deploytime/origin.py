"""On a schedule: gives CloudFront the current secret by which the gateway knows it.

The gateway knows each secret a whole period before and after CloudFront sends it
(:mod:`deploytime.rotation`), so any moment within that is soon enough.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from shared.config.logs import configure
from shared.config.settings import LogSettings

log = logging.getLogger(__name__)

_HEADER = "x-origin-secret"


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Serve the schedule's ``{"DistributionId": ..., "SecretArn": ...}``."""
    import boto3  # comes with the Lambda runtime

    configure("origin", LogSettings())
    held = boto3.client("secretsmanager").get_secret_value(SecretId=event["SecretArn"])
    secret = json.loads(held["SecretString"])["ORIGIN_SECRET"]
    cloudfront: Any = boto3.client("cloudfront")
    found = cloudfront.get_distribution_config(Id=event["DistributionId"])
    config = found["DistributionConfig"]
    outdated = [header for header in _headers(config) if header["HeaderValue"] != secret]
    for header in outdated:
        header["HeaderValue"] = secret
    if outdated:
        cloudfront.update_distribution(
            Id=event["DistributionId"], IfMatch=found["ETag"], DistributionConfig=config
        )
    log.info("origin secret is current", extra={"exchanged": bool(outdated)})


def _headers(config: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    for origin in config["Origins"]["Items"]:
        for header in origin.get("CustomHeaders", {}).get("Items", []):
            if header["HeaderName"].lower() == _HEADER:
                yield header
