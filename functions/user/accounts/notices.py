"""The texts of the mails that tell users what has happened to their account."""

from __future__ import annotations

from typing import Final

from shared.contract.messages import SendEmail, User
from shared.contract.topics import NOTIFICATION_EMAIL
from user.accounts.model import Event

_NOT_YOU: Final = "If it was not you, ask for a new password at once: that signs out every device."

PASSWORD_CHANGED: Final = (
    "Your password was changed",
    f"The password of your account was changed, and other devices were signed out.\n\n{_NOT_YOU}",
)
PASSWORD_RESET: Final = (
    "Your password was changed",
    f"A new password was chosen with a mailed link, and all devices were signed out.\n\n{_NOT_YOU}",
)
EMAIL_CHANGED: Final = (
    "Your e-mail was changed",
    (
        "Your account has another e-mail address now, and mails do not come here any more.\n\n"
        "If it was not you, somebody else has your account: write to us."
    ),
)
REFRESH_REUSED: Final = (
    "A device was signed out",
    (
        "A sign-in of yours was used from two places at once, as it happens when somebody has "
        f"copied it. We have signed out that device. Sign in again if it was yours.\n\n{_NOT_YOU}"
    ),
)
SECOND_FACTOR_ON: Final = (
    "The second factor is on",
    f"From now on, signing in to your account needs a code from your device.\n\n{_NOT_YOU}",
)
SECOND_FACTOR_OFF: Final = (
    "The second factor is off",
    f"From now on, signing in to your account needs your password only.\n\n{_NOT_YOU}",
)
RECOVERY_CODE_USED: Final = (
    "A recovery code was used",
    f"Somebody signed in to your account with one of your recovery codes.\n\n{_NOT_YOU}",
)
ALREADY_REGISTERED: Final = (
    "You have an account already",
    (
        "Somebody, perhaps you, wanted to make an account with this address. It has one: sign in, "
        "or ask for a new password.\n\nIf it was not you, you can ignore this mail."
    ),
)
CONFIRM_EMAIL: Final = (
    "Confirm your e-mail",
    (
        "Open this link to confirm that this address is yours.\n\n"
        "If you did not ask for it, you can ignore this mail."
    ),
)
ACCOUNT_DELETED: Final = (
    "Your account was deleted",
    "Your account, and what was kept in it, is gone, as you asked.",
)

VERIFY_PAGE: Final = "verify-email"


def notice(user: User, words: tuple[str, str]) -> Event:
    """Return a mail to the user's present address."""
    subject, text = words
    message = SendEmail(to=user.email, subject=subject, text=text)
    return Event.of(NOTIFICATION_EMAIL, user.id, message)
