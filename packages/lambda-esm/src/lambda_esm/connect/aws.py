"""Clients of AWS's APIs.

They take region, credentials and endpoint (``AWS_ENDPOINT_URL``) as every AWS tool does. The module
is imported only where a client is needed: boto3 takes longer to import than all the rest.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from lambda_esm.errors import EsmError, ExtraMissing

try:
    import boto3
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError as error:
    raise ExtraMissing from error

AWS_ERRORS = (BotoCoreError, ClientError)

# Of URL, body and headers; returns the headers to send.
Sign = Callable[[str, bytes, dict[str, str]], dict[str, str]]


def aws_client(service: str, region: str) -> Any:
    """Return a client of one AWS service.

    Raises:
        EsmError: it cannot be made.
    """
    try:
        return boto3.Session().client(service, region_name=region)  # type: ignore[call-overload] # the name is data
    except BotoCoreError as error:
        raise EsmError(f"Cannot make a client of AWS {service}: {error}.") from None


def read_secret(arn: str, region: str) -> dict[str, str]:
    """Return a secret that is a JSON object.

    Raises:
        EsmError: it cannot be read.
    """
    try:
        response = aws_client("secretsmanager", region).get_secret_value(SecretId=arn)
        secret: dict[str, str] = json.loads(response["SecretString"])
    except (*AWS_ERRORS, KeyError, ValueError) as error:
        raise EsmError(f"The secret {arn} cannot be read: {error}.") from None
    return secret


def signer(service: str, region: str) -> Sign:
    """Return a function that adds signature version 4 to the headers of a POST.

    Raises:
        EsmError: there are no credentials.
    """
    credentials = boto3.Session().get_credentials()
    if credentials is None:
        raise EsmError("There are no AWS credentials to sign requests with; set AWS_PROFILE.")

    def sign(url: str, body: bytes, headers: dict[str, str]) -> dict[str, str]:
        request = AWSRequest("POST", url, data=body, headers=headers)
        SigV4Auth(credentials, service, region).add_auth(request)
        return dict(request.headers.items())

    return sign


def queue_url(client: Any, arn: str) -> str:
    """Return the URL of an SQS queue."""
    account, name = arn.split(":")[4:6]
    url: str = client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
    return url
