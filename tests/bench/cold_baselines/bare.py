"""The least that a Python function can be."""


def handler(event: object, context: object) -> dict[str, int]:
    """Answer."""
    return {"statusCode": 200}
