"""MSK's IAM access control: OAUTHBEARER with a token that AWS credentials sign.

This module is imported only where that mechanism is set: the signer brings botocore.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from lambda_esm.errors import ExtraMissing


def oauth_callback() -> Callable[[str], tuple[str, float]]:
    """Return librdkafka's ``oauth_cb``, which gives a token and its expiry in Unix seconds.

    Raises:
        ExtraMissing: the signer is not installed.
    """
    try:
        from aws_msk_iam_sasl_signer import MSKAuthTokenProvider
    except ImportError as error:
        raise ExtraMissing from error

    region = os.environ["AWS_REGION"]

    def token(_: str) -> tuple[str, float]:
        value, expires_ms = MSKAuthTokenProvider.generate_auth_token(region)
        return value, expires_ms / 1000

    return token
