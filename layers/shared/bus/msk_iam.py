"""MSK's IAM access control: OAUTHBEARER with a token that the function's AWS credentials sign.

Imported only where that mechanism is set: the signer brings botocore.
"""

from __future__ import annotations

import os
from collections.abc import Callable


def oauth_callback() -> Callable[[str], tuple[str, float]]:
    """Return librdkafka's ``oauth_cb``: a token, and when it expires (seconds since the epoch)."""
    from aws_msk_iam_sasl_signer import MSKAuthTokenProvider

    region = os.environ["AWS_REGION"]  # the Lambda runtime always sets it

    def token(_: str) -> tuple[str, float]:
        value, expires_ms = MSKAuthTokenProvider.generate_auth_token(region)
        return value, expires_ms / 1000

    return token
