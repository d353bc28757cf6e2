"""A bare function with the libraries that the user function drives its work with."""

import bcrypt  # noqa: F401 - the import is what is measured
import confluent_kafka  # noqa: F401
import cryptography.hazmat.primitives.hpke  # noqa: F401
import psycopg  # noqa: F401
import psycopg_pool  # noqa: F401


def handler(event: object, context: object) -> dict[str, int]:
    """Answer."""
    return {"statusCode": 200}
