"""What runs here and would not in AWS: logged at the start, before a deployment shows it."""

from __future__ import annotations

import json
from collections.abc import Iterable

from lambda_esm.model.mapping import RETRIES_WITH_DESTINATION, Mapping


def warnings_of(mapping: Mapping) -> Iterable[str]:
    """Yield a sentence for each thing that AWS refuses or does not do for this mapping."""
    if mapping.event_source_arn is None and not mapping.source_access_configurations:
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
    if mapping.maximum_retry_attempts != capped:
        yield "MaximumRetryAttempts"
    if mapping.maximum_record_age_s is not None:
        yield "MaximumRecordAgeInSeconds"
    if mapping.bisect_batch_on_error:
        yield "BisectBatchOnFunctionError"
    if mapping.report_batch_item_failures:
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
