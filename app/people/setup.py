"""Sign-in on the application: Flask-Security on our tables, CSRF, limits, and who is asking."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn, cast

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import Flask, g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from flask_mail import Mail
from flask_security import Security
from flask_wtf import CSRFProtect
from sqlalchemy.orm import scoped_session, sessionmaker
from werkzeug.exceptions import UnsupportedMediaType

from app.errors import BadRequestError, NotSignedInError
from app.people import identity, library, limits, passwords, sessions
from app.people.tables import Account, RoleRow
from app.web.context import services
from app.web.language import local_path
from app.web.problems import MACHINE_PATHS, error_answer, wants_page

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from app.settings import Settings

MAIL_TIMEOUT_S = 15
# Blueprints whose views never look at the session: a browser that is tricked into asking them lends them nothing.
# Domains above add theirs.
COOKIELESS: set[str] = set()
_PASSWORDS = ("password", "new_password", "new_password_confirm")


def init_app(app: Flask) -> None:
    """Add everything about people to the application."""
    with app.app_context():
        settings, engine = services().settings, services().engine
    app.config.update(_config(settings))
    csrf = CSRFProtect(app)
    Mail(app)
    # First of the request hooks: who is asking. Then the limits, which count for whoever that is. Then CSRF.
    app.before_request(identity.start_request)
    limits.init_app(app)
    app.before_request(lambda: _protect(csrf))
    app.before_request_funcs["security"] = [_forms_only, _hashable, _stay_here, _no_reset_without_mail]
    app.after_request(identity.note_use)
    app.after_request(library.send_after)
    orm = scoped_session(sessionmaker(engine, expire_on_commit=False))
    app.teardown_appcontext(lambda _error: orm.remove())
    _init_library(app, orm, settings)
    limits.guard_views(app)
    sessions.init_app(app)
    app.register_error_handler(NotSignedInError, _please_sign_in)


def derived_key(secret_key: str, purpose: str) -> str:
    """A key of its own for each purpose (HKDF, RFC 5869), base64url of 32 bytes: the form that Fernet asks for too."""
    kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"quietude {purpose}".encode())
    return base64.urlsafe_b64encode(kdf.derive(secret_key.encode())).decode()


def _config(settings: Settings) -> dict[str, Any]:
    has_mail = settings.mail_server is not None
    return {
        # A session is checked against the network address in no way: a phone changes it in every street.
        "SESSION_PROTECTION": None,
        "PERMANENT_SESSION_LIFETIME": timedelta(days=sessions.MAX_DAYS),
        # Else every tile would carry a cookie and no cache could keep it.
        "SESSION_REFRESH_EACH_REQUEST": False,
        # As long as the session: a report written in a cellar is sent hours later.
        "WTF_CSRF_TIME_LIMIT": None,
        # `_protect` decides, because a token needs none.
        "WTF_CSRF_CHECK_DEFAULT": False,
        "MAIL_SERVER": settings.mail_server or "localhost",
        "MAIL_PORT": settings.mail_port,
        "MAIL_DEFAULT_SENDER": settings.mail_sender,
        "MAIL_USE_TLS": settings.mail_security == "starttls",
        "MAIL_USE_SSL": settings.mail_security == "tls",
        "MAIL_USERNAME": settings.mail_user,
        "MAIL_PASSWORD": settings.mail_password,
        **_security_config(settings, has_mail=has_mail),
    }


def _security_config(settings: Settings, *, has_mail: bool) -> dict[str, Any]:
    values = {
        "PASSWORD_HASH": "argon2",
        "PASSWORD_SCHEMES": ["argon2"],
        # Plain Argon2id: the command line makes the same hashes without this library.
        "PASSWORD_SINGLE_HASH": {"argon2"},
        "PASSWORD_HASH_PASSLIB_OPTIONS": {
            "argon2__memory_cost": passwords.MEMORY_KIB,
            "argon2__time_cost": passwords.TIME_COST,
            "argon2__parallelism": passwords.LANES,
        },
        "PASSWORD_LENGTH_MIN": passwords.MIN_LENGTH,
        "RETURN_GENERIC_RESPONSES": True,
        "EMAIL_VALIDATOR_ARGS": {"check_deliverability": False},
        "EMAIL_SENDER": settings.mail_sender,
        "EMAIL_HTML": False,
        "EMAIL_TEMPLATE_PASSWORD_RESET": "people/email/reset_instructions",
        "EMAIL_TEMPLATE_PASSWORD_RESET_NOTICE": "people/email/changed_notice",
        "EMAIL_TEMPLATE_PASSWORD_CHANGE_NOTICE": "people/email/changed_notice",
        "SEND_PASSWORD_CHANGE_EMAIL": has_mail,
        "SEND_PASSWORD_RESET_NOTICE_EMAIL": has_mail,
        "RESET_PASSWORD_WITHIN": timedelta(hours=2),
        "RECOVERABLE": True,
        "CHANGEABLE": True,
        "REGISTERABLE": False,
        "TWO_FACTOR": True,
        "TWO_FACTOR_ENABLED_METHODS": ["authenticator"],
        # One time step of 30 s before and after: phones' clocks are that good.
        "TWO_FACTOR_AUTHENTICATOR_VALIDITY": 30,
        "TWO_FACTOR_RESCUE_EMAIL": False,
        "TWO_FACTOR_RESCUE_MAIL": settings.mail_sender,
        "TWO_FACTOR_POST_SETUP_VIEW": "/account",
        "TOTP_SECRETS": {"1": derived_key(settings.secret_key, "totp")},
        "TOTP_ISSUER": "Quiétude",
        "MULTI_FACTOR_RECOVERY_CODES": True,
        "MULTI_FACTOR_RECOVERY_CODES_KEYS": [derived_key(settings.secret_key, "recovery codes").encode()],
        # The library's own tokens are a second way in that we neither need nor show.
        "API_ENABLED_METHODS": ["session"],
        "FRESHNESS_ALLOW_AUTH_TOKEN": False,
        # app/web sets `no-store` on everything that says nothing else.
        "CACHE_CONTROL": {},
        "CLI_USERS_NAME": None,
        "CLI_ROLES_NAME": None,
        "JOIN_USER_ROLES": False,
        "POST_CHANGE_VIEW": "/account",
        "POST_LOGIN_VIEW": "/",
        "POST_LOGOUT_VIEW": "/",
    }
    return {f"SECURITY_{name}": value for name, value in values.items()}


def _init_library(app: Flask, orm: Any, settings: Settings) -> None:
    security = Security(
        app,
        library.Datastore(orm, cast("Any", Account), cast("Any", RoleRow)),
        login_form=library.SignInForm,
        verify_form=library.SignInAgainForm,
        change_password_form=library.NewPasswordForm,
        two_factor_setup_form=library.SetupForm,
        two_factor_verify_code_form=library.CodeForm,
        two_factor_rescue_form=library.RescueForm,
        mail_util_cls=library.Outbox,
        totp_cls=library.OneTimeCodes,
    )
    security.want_json(lambda _request: False)
    security.unauthn_handler(_unauthenticated)
    security.i18n_domain = library.Texts(app)
    app.jinja_env.globals["_fsdomain"] = security.i18n_domain.gettext
    security.mail_context_processor(lambda: {"public_url": public_url(settings)})
    security.login_manager.user_loader(lambda uniquifier: sessions.load_account(orm, uniquifier))
    security.login_manager.request_loader(lambda _request: None)
    # Flask-Principal would look the account up for every request, stylesheets included. We do when somebody asks.
    security.principal.identity_loaders.clear()


def public_url(settings: Settings) -> str:
    """Where people reach this service, for links in mails. The Host header is the sender's word and never used."""
    return (settings.public_url or f"http://{settings.host}:{settings.port}").rstrip("/")


def _unauthenticated(_mechanisms: Any = None, headers: Any = None) -> NoReturn:  # noqa: ARG001
    raise NotSignedInError


def _protect(csrf: CSRFProtect) -> None:
    """CSRF for every unsafe request that a browser could be tricked into; a bearer token is no such thing.

    Raises:
        NotSignedInError: a machine's path, with neither token nor session: 401 says more than a CSRF error.

    """
    if request.method in limits.SAFE_METHODS or request.url_rule is None or request.blueprint in COOKIELESS:
        return
    if identity.via_token():
        g.csrf_valid = True  # Flask-WTF's own mark: its forms do not ask again
        return
    if request.path.startswith(MACHINE_PATHS) and not current_user.is_authenticated:
        raise NotSignedInError
    csrf.protect()


def _forms_only() -> None:
    """The library would also take JSON, badly: a number for a body is an error inside it. Machines have tokens.

    Raises:
        UnsupportedMediaType: JSON for a sign-in page.

    """
    if request.is_json:
        raise UnsupportedMediaType


def _hashable() -> None:
    """A password that the hash could not take is an error inside the library.

    Raises:
        BadRequestError: names the field.

    """
    for name in _PASSWORDS:
        if len(request.form.get(name, "")) > passwords.MOST_READ:
            raise BadRequestError(name, _("write at most %(most)s characters", most=passwords.MOST_READ))


def _stay_here() -> ResponseReturnValue | None:
    """`next` leads to a page of this site or nowhere."""
    target = request.values.get("next")
    if not target or local_path(target, "") == target:
        return None
    if request.method in limits.SAFE_METHODS:
        return redirect(request.path)
    raise BadRequestError("next", _("give a path on this site"))


def _no_reset_without_mail() -> ResponseReturnValue | None:
    """Say so, rather than promise a mail that never comes."""
    if request.endpoint == "security.forgot_password" and not services().settings.mail_server:
        return render_template("people/no_mail.html")
    return None


def _please_sign_in(_error: NotSignedInError) -> ResponseReturnValue:
    """People are led to the sign-in page and back; machines get a 401."""
    if wants_page() and request.method in limits.SAFE_METHODS and identity.bearer_token() is None:
        here = request.full_path if request.query_string else request.path
        return redirect(url_for("security.login", next=here))
    answer = error_answer(401)
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer
