"""SMS through Amazon SNS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from shared.contract.errors import BadMessage, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

# SNS API reference, Publish: an SMS that is longer is refused as a whole.
_SMS_CHARACTERS = 1600
# SNS API reference, Publish, Errors: these are about the number or the text.
_ABOUT_THE_MESSAGE = frozenset({"InvalidParameter", "InvalidParameterValue"})


class SnsTransport:
    """Hands texts to SNS.

    Args:
        client: boto3's ``sns``, with its timeouts set.
    """

    def __init__(self, client: SNSClient) -> None:
        self._client = client

    def send(self, number: str, text: str) -> str:
        """Send one text (:class:`notification.service.SmsTransport`)."""
        try:
            return self._client.publish(
                PhoneNumber=number,
                Message=_cut(text),
                MessageAttributes={
                    "AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": "Transactional"}
                },
            )["MessageId"]
        except ClientError as error:
            code = error.response["Error"]["Code"]
            kind = BadMessage if code in _ABOUT_THE_MESSAGE else Unavailable
            raise kind(f"SNS does not take the SMS: {code}.") from None
        except BotoCoreError as error:
            raise Unavailable(f"SNS cannot be reached ({type(error).__name__}).") from None

    def close(self) -> None:
        """Close the client's connections."""
        self._client.close()


def _cut(text: str) -> str:
    return text if len(text) <= _SMS_CHARACTERS else text[: _SMS_CHARACTERS - 1] + "…"
