"""Which rule answers what: topic and action → method. Secrets are opened here."""

from __future__ import annotations

from typing import NamedTuple

from shared.contract import account_commands, topics
from shared.contract.messages import FindUser, Message, RegisterUser, UpdateUser, User, ValidateUser
from shared.security.password_rules import refuse_weak
from user.accounts.emails import EmailService
from user.accounts.export import ExportService
from user.accounts.login import LoginService
from user.accounts.passwords import PasswordService
from user.accounts.profiles import ProfileService
from user.accounts.registration import RegistrationService
from user.accounts.second_factor import SecondFactorService
from user.accounts.sessions import SessionService
from user.dispatch.dispatcher import Command, Rules


class Subjects(NamedTuple):
    """The rules, by what they are about."""

    registration: RegistrationService
    login: LoginService
    profiles: ProfileService
    sessions: SessionService
    passwords: PasswordService
    emails: EmailService
    second_factor: SecondFactorService
    exports: ExportService


def rules(subjects: Subjects) -> Rules:
    """All that the user function can be asked."""
    on = _Rules(subjects)
    return {
        (topics.USER_REGISTER, None): on.register,
        (topics.USER_VALIDATE, None): on.validate,
        (topics.USER_FIND, None): on.find,
        (topics.USER_FIND, "export"): on.export,
        (topics.USER_UPDATE, None): on.update,
        (topics.USER_UPDATE, "change-password"): on.change_password,
        (topics.USER_UPDATE, "forgot-password"): on.forgot_password,
        (topics.USER_UPDATE, "reset-password"): on.reset_password,
        (topics.USER_UPDATE, "send-verification"): on.send_verification,
        (topics.USER_UPDATE, "verify-email"): on.verify_email,
        (topics.USER_UPDATE, "change-email"): on.change_email,
        (topics.USER_UPDATE, "enrol-totp"): on.enrol_totp,
        (topics.USER_UPDATE, "confirm-totp"): on.confirm_totp,
        (topics.USER_UPDATE, "renew-recovery-codes"): on.renew_recovery_codes,
        (topics.USER_UPDATE, "remove-totp"): on.remove_totp,
        (topics.USER_SESSION, "refresh"): on.refresh,
        (topics.USER_SESSION, "answer-challenge"): on.answer_challenge,
        (topics.USER_SESSION, "list"): on.list_sessions,
        (topics.USER_SESSION, "end"): on.end_sessions,
        (topics.USER_DELETE, "delete"): on.delete,
    }


class _Rules:
    """Each reads its message, opens what is sealed in it, and asks the subject."""

    def __init__(self, subjects: Subjects) -> None:
        self._to = subjects

    def register(self, command: Command) -> User:
        message = command.read(RegisterUser)
        password = command.open(message.password, "password")
        refuse_weak(password, message.email, message.name)
        return self._to.registration.register(message, password, command.name)

    def validate(self, command: Command) -> User:
        message = command.read(ValidateUser)
        password = command.open(message.password, "password")
        return self._to.login.validate(message, password, command.name)

    def find(self, command: Command) -> User:
        return self._to.profiles.find(command.read(FindUser))

    def update(self, command: Command) -> User:
        return self._to.profiles.update(command.read(UpdateUser), command.name)

    def export(self, command: Command) -> Message:
        return self._to.exports.export(command.read(account_commands.ExportUser), command.name)

    def change_password(self, command: Command) -> Message:
        message = command.read(account_commands.ChangePassword)
        current, new = command.open(message.current, "current"), command.open(message.new, "new")
        return self._to.passwords.change(message, current, new, command.name)

    def forgot_password(self, command: Command) -> Message:
        return self._to.passwords.forgot(
            command.read(account_commands.ForgotPassword), command.name
        )

    def reset_password(self, command: Command) -> Message:
        message = command.read(account_commands.ResetPassword)
        password = command.open(message.password, "password")
        return self._to.passwords.reset(message, password, command.name)

    def send_verification(self, command: Command) -> Message:
        message = command.read(account_commands.SendVerification)
        return self._to.emails.send_verification(message, command.name)

    def verify_email(self, command: Command) -> User:
        return self._to.emails.verify(command.read(account_commands.VerifyEmail), command.name)

    def change_email(self, command: Command) -> User:
        message = command.read(account_commands.ChangeEmail)
        password = command.open_if_given(message.password, "password")
        return self._to.emails.change(message, password, command.name)

    def enrol_totp(self, command: Command) -> User:
        message = command.read(account_commands.EnrolTotp)
        secret = command.open(message.secret, "secret")
        password = command.open_if_given(message.password, "password")
        return self._to.second_factor.enrol(message, secret, password, command.name)

    def confirm_totp(self, command: Command) -> User:
        message = command.read(account_commands.ConfirmTotp)
        code = command.open(message.code, "code")
        return self._to.second_factor.confirm(message, code, command.name)

    def renew_recovery_codes(self, command: Command) -> User:
        message = command.read(account_commands.RenewRecoveryCodes)
        password = command.open(message.password, "password")
        return self._to.second_factor.renew(message, password, command.name)

    def remove_totp(self, command: Command) -> User:
        message = command.read(account_commands.RemoveTotp)
        password = command.open(message.password, "password")
        return self._to.second_factor.remove(message, password, command.name)

    def refresh(self, command: Command) -> Message:
        return self._to.sessions.refresh(command.read(account_commands.Refresh), command.name)

    def answer_challenge(self, command: Command) -> Message:
        message = command.read(account_commands.AnswerChallenge)
        code = command.open(message.code, "code")
        return self._to.second_factor.answer(message, code, command.name)

    def list_sessions(self, command: Command) -> Message:
        return self._to.sessions.list(command.read(account_commands.ListSessions))

    def end_sessions(self, command: Command) -> Message:
        return self._to.sessions.end(command.read(account_commands.EndSessions), command.name)

    def delete(self, command: Command) -> Message:
        message = command.read(account_commands.DeleteUser)
        password = command.open(message.password, "password")
        return self._to.passwords.delete(message, password, command.name)
