"""Stored secrets that must be read again: sealed to the user function's own key.

The same HPKE as for fields that travel (:mod:`shared.security.sealing`), so that one kind of key is
stored and rotated. A sealed secret is bound to its table and user, instead of topic and message.
"""

from __future__ import annotations

from shared.contract.messages import Sealed, Secret
from shared.security.sealing import JwkSet, Opener, Sealer

_TABLE = "second_factors"


class Vault:
    """Seals secrets for storage, and opens them.

    Args:
        keys: private keys; the first seals, all open.
    """

    def __init__(self, keys: JwkSet) -> None:
        self._sealer = Sealer(keys.public())
        self._opener = Opener(keys)

    def seal(self, secret: str, user_id: str) -> Sealed:
        """Seal a user's secret for storage."""
        return self._sealer.seal(secret, topic=_TABLE, field="secret", correlation_id=user_id)

    def open(self, secret: Secret, user_id: str) -> str:
        """Return the secret.

        Raises:
            BadMessage: it is sealed to a key that is gone, or for another user.
        """
        return self._opener.open(secret, topic=_TABLE, field="secret", correlation_id=user_id)
