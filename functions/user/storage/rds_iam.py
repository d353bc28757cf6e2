"""IAM authentication of RDS: a signed token, good for 15 minutes, instead of a password.

RDS User Guide, "IAM database authentication for MariaDB, MySQL, and PostgreSQL": the token is made
here, without a call to AWS, and is checked only while a connection is opened.
"""

from __future__ import annotations

import os
from urllib.parse import quote, unquote, urlsplit, urlunsplit

_PORT = 5432


def with_token(database_url: str) -> str:
    """Return the URL with a fresh token as its password.

    Args:
        database_url: ``postgresql://user@host:port/database?...``, without a password.
    """
    import boto3  # comes with the Lambda runtime; only needed there

    parts = urlsplit(database_url)
    user, host, port = parts.username or "", parts.hostname or "", parts.port or _PORT
    client = boto3.client("rds", region_name=os.environ["AWS_REGION"])
    token = client.generate_db_auth_token(
        DBHostname=host, Port=port, DBUsername=unquote(user), Region=os.environ["AWS_REGION"]
    )
    return with_password(database_url, token)


def with_password(database_url: str, password: str) -> str:
    """Return the URL with a password."""
    parts = urlsplit(database_url)
    _, _, address = parts.netloc.rpartition("@")
    netloc = f"{parts.username or ''}:{quote(password, safe='')}@{address}"
    return urlunsplit(parts._replace(netloc=netloc))
