"""The numbers that differ between dev, staging and prod; nothing else does."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

Release = Literal["AllAtOnce", "Canary10Percent5Minutes"]


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """One environment.

    Attributes:
        name: part of every stack's name.
        retain_data: database, keys and secrets outlive their stacks, which are protected from
            deletion. Otherwise destroying the stacks leaves nothing.
        zones: availability zones that hold subnets.
        database_min_acu, database_max_acu: Aurora capacity units (2 GiB each) to scale between.
        database_readers: further instances, each in another zone, for failover.
        backup_days: days back to which the database can be restored.
        cache_max_gb: the largest size of the cache; it evicts beyond.
        log_days: retention of every log group.
        release: how traffic moves to a new version (CodeDeploy's names, as SAM takes them).
        requests_per_second: the API's limit, over all clients; twice that in a burst.
        front: CloudFront with a web application firewall stands before the API.
        budget_usd: cost of a month; a mail is sent at 80 %, and when it is forecast.
    """

    name: Literal["dev", "staging", "prod"]
    retain_data: bool
    zones: int
    database_min_acu: float
    database_max_acu: float
    database_readers: int
    backup_days: int
    cache_max_gb: int
    log_days: int
    release: Release
    requests_per_second: int
    front: bool
    budget_usd: int


DEV: Final = Environment(
    name="dev",
    retain_data=False,
    zones=2,
    database_min_acu=0.5,
    database_max_acu=2,
    database_readers=0,
    backup_days=1,
    cache_max_gb=1,
    log_days=7,
    release="AllAtOnce",
    requests_per_second=50,
    front=False,
    budget_usd=1_200,
)
STAGING: Final = Environment(
    name="staging",
    retain_data=False,
    zones=2,
    database_min_acu=0.5,
    database_max_acu=8,
    database_readers=1,
    backup_days=3,
    cache_max_gb=2,
    log_days=14,
    release="Canary10Percent5Minutes",
    requests_per_second=500,
    front=True,
    budget_usd=1_500,
)
PROD: Final = Environment(
    name="prod",
    retain_data=True,
    zones=3,
    database_min_acu=1,
    database_max_acu=32,
    database_readers=1,
    backup_days=14,
    cache_max_gb=10,
    log_days=90,
    release="Canary10Percent5Minutes",
    requests_per_second=2_000,
    front=True,
    budget_usd=2_500,
)

ENVIRONMENTS: Final = {environment.name: environment for environment in (DEV, STAGING, PROD)}
