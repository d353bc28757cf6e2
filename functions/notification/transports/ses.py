"""Mail through Amazon SES, API v2."""

from __future__ import annotations

import time
from email.headerregistry import Address
from random import SystemRandom
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from notification.transports.mail import Mail, compose
from shared.contract.errors import BadMessage, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sesv2.type_defs import SendEmailRequestTypeDef

# SES API v2 reference, SendEmail, Errors: these two are about the message. All others (quota,
# sandbox, paused account, unverified sender) are cured by waiting or by an operator.
_ABOUT_THE_MESSAGE = frozenset({"BadRequestException", "MessageRejected"})
# The account's sending rate, in mails a second, is used up: it is free again in a moment, and the
# mail has not been taken.
_TOO_OFTEN = "TooManyRequestsException"
_PAUSE_S = 0.5
# Copies of one snapshot draw different numbers from it.
_random = SystemRandom()


class SesTransport:
    """Hands mails to SES as finished MIME, so that both transports send the same bytes.

    SES puts its own Message-ID in place of ours, and returns it.

    Args:
        client: boto3's ``sesv2``, with its timeouts set.
        from_: the sender; a verified identity.
        configuration_set: for bounces and metrics, or empty.
        patience_s: seconds for which a mail is offered again while SES throttles.
    """

    def __init__(
        self,
        client: SESV2Client,
        from_: Address,
        *,
        configuration_set: str = "",
        patience_s: float = 5.0,
    ) -> None:
        self._client = client
        self._from = from_
        self._configuration_set = configuration_set
        self._patience_s = patience_s

    def send(self, mail: Mail) -> str:
        """Send one mail (:class:`notification.transports.mail.MailTransport`)."""
        message = compose(mail, self._from)
        to = message["To"].addresses[0].addr_spec
        if not to.isascii():
            # SES developer guide, "Email format": the local part is 7-bit ASCII.
            raise BadMessage("SES does not take an address beyond ASCII.")
        request: SendEmailRequestTypeDef = {
            "Destination": {"ToAddresses": [to]},
            "Content": {"Raw": {"Data": message.as_bytes()}},
        }
        if self._configuration_set:
            request["ConfigurationSetName"] = self._configuration_set
        return self._send(request)

    def close(self) -> None:
        """Close the client's connections."""
        self._client.close()

    def _send(self, request: SendEmailRequestTypeDef) -> str:
        patient_until = time.monotonic() + self._patience_s
        while True:
            try:
                return self._client.send_email(**request)["MessageId"]
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code != _TOO_OFTEN or time.monotonic() > patient_until:
                    kind = BadMessage if code in _ABOUT_THE_MESSAGE else Unavailable
                    raise kind(f"SES does not take the mail: {code}.") from None
            except BotoCoreError as error:
                raise Unavailable(f"SES cannot be reached ({type(error).__name__}).") from None
            time.sleep(_PAUSE_S * _random.uniform(0.5, 1.5))
