"""IAM authentication of ElastiCache: a signed token, good for 15 minutes, instead of a password.

ElastiCache User Guide, "Authenticating with IAM": the token is a presigned request ``connect`` of
the cache, without its scheme. It is made here, without a call to AWS, for each connection.
ElastiCache ends a connection after 12 hours, and the next one brings another token.

Imported only where it is set: redis-py and botocore are large.
"""

from __future__ import annotations

import os
from urllib.parse import urlencode, urlsplit, urlunsplit

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.session import get_session
from redis.credentials import CredentialProvider

from shared.config.settings import SettingsError

_SCHEME = "http://"
_SERVICE = "elasticache"
_LIFETIME_S = 900


def iam_credentials(url: str, cache: str) -> tuple[str, CredentialProvider]:
    """Return a serverless cache's URL without its user, and the credentials for redis-py.

    Args:
        url: ``rediss://user@host:port``; in ElastiCache that user's id and name are the same.
        cache: the cache's name.
    """
    parts = urlsplit(url)
    _, _, address = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=address)), _IamTokens(parts.username or "", cache)


class _IamTokens(CredentialProvider):
    def __init__(self, user: str, cache: str) -> None:
        self._user = user
        query = {"Action": "connect", "User": user, "ResourceType": "ServerlessCache"}
        self._url = f"{_SCHEME}{cache}/?{urlencode(query)}"
        self._session = get_session()

    def get_credentials(self) -> tuple[str, str]:
        """Return user and token.

        Raises:
            SettingsError: the process has no AWS credentials.
        """
        credentials = self._session.get_credentials()
        if credentials is None:
            raise SettingsError("REDIS_IAM_CACHE needs AWS credentials, and there are none.")
        request = AWSRequest("GET", self._url)
        region = os.environ["AWS_REGION"]  # the Lambda runtime always sets it
        SigV4QueryAuth(credentials, _SERVICE, region, expires=_LIFETIME_S).add_auth(request)
        return self._user, str(request.url).removeprefix(_SCHEME)

    async def get_credentials_async(self) -> tuple[str, str]:
        """Return the same, without waiting: no call is made."""
        return self.get_credentials()
