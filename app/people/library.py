"""Flask-Security, bent to this product: our tables, our mail, our limits. Only `setup` uses what is here."""

from __future__ import annotations

import smtplib
from typing import Any, cast

from flask import Flask, Response, current_app, request
from flask_babel import get_locale
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from flask_mail import Mail, Message
from flask_security import (
    ChangePasswordForm,
    LoginForm,
    MailUtil,
    SQLAlchemySessionUserDatastore,
    TwoFactorRescueForm,
    TwoFactorSetupForm,
    TwoFactorVerifyCodeForm,
    UserMixin,
    VerifyForm,
)
from flask_security.babel import FsDomain
from flask_security.totp import Totp
from sqlalchemy import select
from wtforms import BooleanField, RadioField
from wtforms.fields.choices import SelectChoice

from app.people.limits import attempt_succeeded, take_attempt
from app.people.tables import Account
from app.web.context import services
from app.web.language import TRANSLATIONS, locale_code
from app.web.logs import get_logger

_WAITING = "quietude.mails"


class Datastore(SQLAlchemySessionUserDatastore):
    """Accounts for Flask-Security. A look-up gives its connection back at once: requests hold only one at a time."""

    def find_user(self, case_insensitive: bool = False, **by: Any) -> UserMixin | None:  # noqa: FBT001, FBT002
        """The account whose attribute is so, with its role and organisation: one query."""
        (name, value), *_ = by.items()
        if case_insensitive and isinstance(value, str):
            value = value.lower()  # stored in lower case: the unique index serves
        query = select(Account).where(getattr(Account, name) == value)
        found = self.db.session.scalar(query, execution_options={"populate_existing": True})
        if not self.db.session.dirty:
            self.db.session.commit()
        return cast("UserMixin | None", found)


class SignInForm(LoginForm):
    """Sign-in with lock-out."""

    # The same lifetime as the session's (app/people/sessions.py).
    remember: BooleanField = BooleanField(_l("Keep me signed in on this device for two weeks"))

    def validate(self, **kwargs: Any) -> bool:
        """Whether address and password are right, the account open, and not too much was tried."""
        email, password = self.email.data, self.password.data
        if not (isinstance(email, str) and isinstance(password, str) and email and password):
            return bool(super().validate(**kwargs))
        take_attempt("password", email)
        accepted = bool(super().validate(**kwargs))
        if accepted:
            attempt_succeeded("password", email)
        return accepted


class SignInAgainForm(VerifyForm):
    """The password again, before something sensitive: the same lock-out."""

    def validate(self, **kwargs: Any) -> bool:
        """Whether the password is right."""
        take_attempt("password", self.user.email)
        accepted = bool(super().validate(**kwargs))
        if accepted:
            attempt_succeeded("password", self.user.email)
        return accepted


class NewPasswordForm(ChangePasswordForm):
    """Another password, for who knows the present one: the same lock-out."""

    def validate(self, **kwargs: Any) -> bool:
        """Whether the present password is right and the new one long enough."""
        email = current_user.email
        take_attempt("password", email)
        accepted = bool(super().validate(**kwargs))
        if accepted:
            attempt_succeeded("password", email)
        return accepted


class CodeForm(TwoFactorVerifyCodeForm):
    """The second factor: six digits, so the lock-out matters most here."""

    def validate(self, **kwargs: Any) -> bool:
        """Whether the code is right, unused, and not too much was tried."""
        assert self.user is not None
        email = self.user.email
        take_attempt("code", email)
        accepted = bool(super().validate(**kwargs))
        if accepted:
            attempt_succeeded("code", email)
        return accepted


class SetupForm(TwoFactorSetupForm):
    """Setting the second factor up: an app on the phone, or none."""

    setup: RadioField = RadioField(
        _l("Second factor"),
        choices=[
            SelectChoice(value="authenticator", label=_l("An authenticator app on the phone")),
            SelectChoice(value="disable", label=_l("None any more")),
        ],
        validate_choice=False,  # the library checks what is possible now
    )


class RescueForm(TwoFactorRescueForm):
    """Ways out for who lost the phone: only those that work here. The library adds the recovery codes."""

    help_setup: RadioField = RadioField(
        _l("The phone is not at hand"), choices=[SelectChoice(value="help", label=_l("Write to whoever runs this"))]
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not services().settings.mail_server:
            self.help_setup.choices = []


class OneTimeCodes(Totp):
    """TOTP (RFC 6238) where each code is good once (its section 5.2)."""

    def get_last_counter(self, user: UserMixin) -> int | None:
        """The last time step that was accepted."""
        return cast("Account", user).tf_last_counter

    def set_last_counter(self, user: UserMixin, tmatch: Any) -> None:
        """Remember the time step, together with the sign-in that it allows."""
        cast("Account", user).tf_last_counter = tmatch.counter


class Outbox(MailUtil):
    """Mail goes out after the answer: how long it takes tells nobody whether the account exists.

    A mail server that is down is written to the log; the page says the same as always.
    """

    def normalize(self, email: str) -> str:
        """As it is stored: lower case, without the space that a phone's keyboard adds."""
        return str(super().normalize(email.strip())).lower()

    def validate(self, email: str) -> str:
        """As it is stored, and without asking the DNS."""
        return self.normalize(email)

    def send_mail(  # noqa: PLR0917
        self,
        template: str,  # noqa: ARG002
        subject: str,
        recipient: str | tuple[str, str],
        sender: str | tuple[str, str],
        body: str | None,
        html: str | None,
        **_: Any,
    ) -> None:
        """Queue one mail until the answer is sent."""
        if not services().settings.mail_server:
            return
        message = Message(subject, sender=str(sender), recipients=[recipient], body=body, html=html)
        request.environ.setdefault(_WAITING, []).append(message)


def send_after(response: Response) -> Response:
    """Send what waits once the answer has left."""
    waiting: list[Message] = request.environ.pop(_WAITING, [])
    if waiting:
        app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
        response.call_on_close(lambda: _send(app, waiting))
    return response


def _send(app: Flask, messages: list[Message]) -> None:
    with app.app_context():
        mail: Mail = app.extensions["mail"]
        for message in messages:
            try:
                mail.send(message)
            except (OSError, smtplib.SMTPException) as error:
                get_logger().error("mail not sent", error=type(error).__name__)


class Texts(FsDomain):
    """The library's translations, in our words: it names French `fr_FR`, our pages say `fr`."""

    def __init__(self, app: Flask) -> None:
        super().__init__(app)  # type: ignore[no-untyped-call]

    def get_translations(self) -> Any:
        """The catalogue of the reader's language."""
        locale = get_locale()
        language = "fr_FR" if locale is not None and locale.language == "fr" else "en"
        if language not in self.cache:
            from babel.support import Translations  # noqa: PLC0415  (once a process and language)

            known = Translations.load(self.translation_directories[0], [language], "flask_security")
            # Where its words are not ours (jeton, courriel, code de secours), ours go first.
            ours = Translations.load(TRANSLATIONS, [locale_code()], "flask_security")
            if isinstance(known, Translations) and isinstance(ours, Translations):
                known.merge(ours)
            self.cache[language] = known
        return self.cache[language]
