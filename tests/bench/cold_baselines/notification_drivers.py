"""A bare function with the libraries that the notification function drives its work with."""

import smtplib  # noqa: F401 - the import is what is measured

import cryptography.hazmat.primitives.hpke  # noqa: F401
import jinja2  # noqa: F401
import redis  # noqa: F401


def handler(event: object, context: object) -> dict[str, int]:
    """Answer."""
    return {"statusCode": 200}
