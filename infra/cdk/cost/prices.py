"""List prices of us-east-1 in USD, without free tiers, discounts and taxes.

Source of each: the service's own pricing page. They were noted on :data:`DATE` and change; who
plans with them looks them up again.
"""

from __future__ import annotations

from typing import Final

DATE: Final = "2026-11-22"
REGION: Final = "us-east-1"

# API Gateway, HTTP APIs: first 300 million a month
API_REQUEST: Final = 1.00e-6

# Lambda on x86
LAMBDA_REQUEST: Final = 0.20e-6
LAMBDA_GB_S: Final = 0.0000166667
SNAPSHOT_GB_S: Final = 0.0000015046
SNAPSHOT_RESTORED_GB: Final = 0.0001397998
# Event poller units of provisioned mode (Developer Guide, "Kafka event poller scaling modes")
POLLER_UNIT_H: Final = 0.185

# MSK
SERVERLESS_CLUSTER_H: Final = 0.75
SERVERLESS_PARTITION_H: Final = 0.0015
SERVERLESS_IN_GB: Final = 0.10
SERVERLESS_OUT_GB: Final = 0.05
EXPRESS_BROKER_H: Final = 0.408  # express.m7g.large
EXPRESS_IN_GB: Final = 0.01
KAFKA_STORED_GB: Final = 0.10

# Aurora PostgreSQL Serverless v2, and RDS Proxy in front of it
ACU_H: Final = 0.12
DATABASE_STORED_GB: Final = 0.10
DATABASE_IO: Final = 0.20e-6
PROXY_ACU_H: Final = 0.015
PROXY_LEAST_ACU: Final = 8

# ElastiCache Serverless, Valkey
CACHE_STORED_GB_H: Final = 0.084
CACHE_LEAST_GB: Final = 0.1
CACHE_UNIT: Final = 0.0023e-6

# Others
ENDPOINT_H: Final = 0.01
SECRET: Final = 0.40
KMS_KEY: Final = 1.00
ALARM_METRIC: Final = 0.10
DASHBOARD: Final = 3.00
METRIC: Final = 0.30
LOG_GB: Final = 0.50
MAIL: Final = 0.10e-3
