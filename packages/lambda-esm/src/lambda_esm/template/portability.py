"""What runs here and would not in AWS: said at the start, so that nobody learns it by deploying."""

from __future__ import annotations

import json
from collections.abc import Iterable

from lambda_esm.model.mapping import RETRIES_WITH_DESTINATION, Mapping


def warnings_of(mapping: Mapping) -> Iterable[str]:
    """One sentence for each thing that AWS refuses or does not do for this mapping."""
    if mapping.source_arn is None and not mapping.access:
        yield "AWS refuses self-managed Kafka without SourceAccessConfigurations"
    if mapping.pollers is None:
        provisioned = ", ".join(_needs_provisioned_mode(mapping))
        if provisioned:
            yield f"in AWS this needs ProvisionedPollerConfig: {provisioned}"
    matched = {name for pattern in mapping.filters for name in _members(json.loads(pattern))}
    for name in sorted(matched & {"key", "headers"}):
        yield f"AWS documents filters on the value, not on {name}"


def _needs_provisioned_mode(mapping: Mapping) -> Iterable[str]:
    capped = RETRIES_WITH_DESTINATION if mapping.destination else None
    if mapping.retries != capped:
        yield "MaximumRetryAttempts"
    if mapping.record_age_s is not None:
        yield "MaximumRecordAgeInSeconds"
    if mapping.bisect:
        yield "BisectBatchOnFunctionError"
    if mapping.partial:
        yield "FunctionResponseTypes"
    if mapping.destination.startswith("kafka://"):
        yield "a Kafka topic as destination"


def _members(pattern: object) -> Iterable[str]:
    if isinstance(pattern, dict):
        for name, wanted in pattern.items():
            yield name
            if name == "$or" and isinstance(wanted, list):
                for choice in wanted:
                    yield from _members(choice)
