"""The handlers: each opens the secrets of its message and calls the use case."""

from __future__ import annotations

from typing import Any, NamedTuple

from shared.contract.account_commands import (
    AnswerChallenge,
    ChangeEmail,
    ChangePassword,
    ConfirmTotp,
    DeleteUser,
    EndSessions,
    EnrolTotp,
    ExportUser,
    ForgotPassword,
    ListSessions,
    Refresh,
    RemoveTotp,
    RenewRecoveryCodes,
    ResetPassword,
    SendVerification,
    VerifyEmail,
)
from shared.contract.messages import FindUser, Message, RegisterUser, UpdateUser, ValidateUser
from shared.contract.topics import (
    USER_DELETE,
    USER_FIND,
    USER_REGISTER,
    USER_SESSION,
    USER_UPDATE,
    USER_VALIDATE,
)
from shared.security.password_rules import refuse_weak
from user.accounts.emails import EmailService
from user.accounts.export import ExportService
from user.accounts.login import LoginService
from user.accounts.passwords import PasswordService
from user.accounts.profiles import ProfileService
from user.accounts.registration import RegistrationService
from user.accounts.second_factor import SecondFactorService
from user.accounts.sessions import SessionService
from user.dispatch.dispatcher import Handler, ReceivedCommand


class UseCases(NamedTuple):
    """The services, by what they are about."""

    registration: RegistrationService
    login: LoginService
    profiles: ProfileService
    sessions: SessionService
    passwords: PasswordService
    emails: EmailService
    second_factor: SecondFactorService
    exports: ExportService


def handlers(use_cases: UseCases) -> tuple[Handler[Any], ...]:
    """Return a handler for every message that the user function takes."""
    on = _CommandHandlers(use_cases)
    return (
        Handler(USER_REGISTER, RegisterUser, on.register),
        Handler(USER_VALIDATE, ValidateUser, on.validate),
        Handler(USER_FIND, FindUser, on.find),
        Handler(USER_FIND, ExportUser, on.export),
        Handler(USER_UPDATE, UpdateUser, on.update),
        Handler(USER_UPDATE, ChangePassword, on.change_password),
        Handler(USER_UPDATE, ForgotPassword, on.forgot_password),
        Handler(USER_UPDATE, ResetPassword, on.reset_password),
        Handler(USER_UPDATE, SendVerification, on.send_verification),
        Handler(USER_UPDATE, VerifyEmail, on.verify_email),
        Handler(USER_UPDATE, ChangeEmail, on.change_email),
        Handler(USER_UPDATE, EnrolTotp, on.enrol_totp),
        Handler(USER_UPDATE, ConfirmTotp, on.confirm_totp),
        Handler(USER_UPDATE, RenewRecoveryCodes, on.renew_recovery_codes),
        Handler(USER_UPDATE, RemoveTotp, on.remove_totp),
        Handler(USER_SESSION, Refresh, on.refresh),
        Handler(USER_SESSION, AnswerChallenge, on.answer_challenge),
        Handler(USER_SESSION, ListSessions, on.list_sessions),
        Handler(USER_SESSION, EndSessions, on.end_sessions),
        Handler(USER_DELETE, DeleteUser, on.delete),
    )


class _CommandHandlers:
    """One method for each message type."""

    def __init__(self, use_cases: UseCases) -> None:
        self._use_cases = use_cases

    def register(self, message: RegisterUser, received: ReceivedCommand) -> Message:
        password = received.open(message.password, "password")
        refuse_weak(password, message.email, message.name)
        return self._use_cases.registration.register(message, password, received.command_id)

    def validate(self, message: ValidateUser, received: ReceivedCommand) -> Message:
        password = received.open(message.password, "password")
        return self._use_cases.login.validate(message, password, received.command_id)

    def find(self, message: FindUser, _: ReceivedCommand) -> Message:
        return self._use_cases.profiles.find(message)

    def update(self, message: UpdateUser, received: ReceivedCommand) -> Message:
        return self._use_cases.profiles.update(message, received.command_id)

    def export(self, message: ExportUser, received: ReceivedCommand) -> Message:
        return self._use_cases.exports.export(message, received.command_id)

    def change_password(self, message: ChangePassword, received: ReceivedCommand) -> Message:
        current, new = received.open(message.current, "current"), received.open(message.new, "new")
        return self._use_cases.passwords.change(message, current, new, received.command_id)

    def forgot_password(self, message: ForgotPassword, received: ReceivedCommand) -> Message:
        return self._use_cases.passwords.forgot(message, received.command_id)

    def reset_password(self, message: ResetPassword, received: ReceivedCommand) -> Message:
        password = received.open(message.password, "password")
        return self._use_cases.passwords.reset(message, password, received.command_id)

    def send_verification(self, message: SendVerification, received: ReceivedCommand) -> Message:
        return self._use_cases.emails.send_verification(message, received.command_id)

    def verify_email(self, message: VerifyEmail, received: ReceivedCommand) -> Message:
        return self._use_cases.emails.verify(message, received.command_id)

    def change_email(self, message: ChangeEmail, received: ReceivedCommand) -> Message:
        password = received.open_if_given(message.password, "password")
        return self._use_cases.emails.change(message, password, received.command_id)

    def enrol_totp(self, message: EnrolTotp, received: ReceivedCommand) -> Message:
        secret = received.open(message.secret, "secret")
        password = received.open_if_given(message.password, "password")
        return self._use_cases.second_factor.enrol(message, secret, password, received.command_id)

    def confirm_totp(self, message: ConfirmTotp, received: ReceivedCommand) -> Message:
        code = received.open(message.code, "code")
        return self._use_cases.second_factor.confirm(message, code, received.command_id)

    def renew_recovery_codes(
        self, message: RenewRecoveryCodes, received: ReceivedCommand
    ) -> Message:
        password = received.open(message.password, "password")
        return self._use_cases.second_factor.renew(message, password, received.command_id)

    def remove_totp(self, message: RemoveTotp, received: ReceivedCommand) -> Message:
        password = received.open(message.password, "password")
        return self._use_cases.second_factor.remove(message, password, received.command_id)

    def refresh(self, message: Refresh, received: ReceivedCommand) -> Message:
        return self._use_cases.sessions.refresh(message, received.command_id)

    def answer_challenge(self, message: AnswerChallenge, received: ReceivedCommand) -> Message:
        code = received.open(message.code, "code")
        return self._use_cases.second_factor.answer(message, code, received.command_id)

    def list_sessions(self, message: ListSessions, _: ReceivedCommand) -> Message:
        return self._use_cases.sessions.list(message)

    def end_sessions(self, message: EndSessions, received: ReceivedCommand) -> Message:
        return self._use_cases.sessions.end(message, received.command_id)

    def delete(self, message: DeleteUser, received: ReceivedCommand) -> Message:
        password = received.open(message.password, "password")
        return self._use_cases.passwords.delete(message, password, received.command_id)
