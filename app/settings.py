"""Settings: read once from the environment (prefix QUIETUDE_) into one frozen object."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from app.errors import SettingsError

PREFIX = "QUIETUDE_"


class Settings(BaseModel):
    """Every setting of the product. Unknown names and wrong values stop the start with one line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    var_dir: Path = Path("var")
    database_url: str | None = None
    migration_database_url: str | None = None
    secret_key: str = Field(default="", repr=False)
    demo: bool = True
    demo_password: str | None = Field(default=None, min_length=8, repr=False)
    basemap: Literal["none", "ign", "osm"] = "none"
    workers: int = Field(default=2, ge=1, le=64)
    threads: int = Field(default=8, ge=1, le=256)
    small_number: int = Field(default=5, ge=2, le=100)
    mail_server: str | None = None
    mail_port: int = Field(default=25, ge=1, le=65535)
    mail_sender: str = "quietude@localhost"
    mail_security: Literal["none", "starttls", "tls"] = "none"
    mail_user: str | None = None
    mail_password: str | None = Field(default=None, repr=False)
    demo_sends: bool = False
    webhook_private: bool = False
    job_worker: bool = True
    publisher: str = Field(default="Quiétude", min_length=1, max_length=200)
    publisher_mail: str | None = Field(default=None, pattern=r"^[^\s@<>\"]+@[^\s@<>\"]+$")
    public_url: str | None = Field(default=None, pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$")
    https: bool = False
    trusted_proxies: int = Field(default=0, ge=0, le=5)
    log_format: Literal["json", "text"] = "text"

    @field_validator("var_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.absolute()

    @field_validator("database_url", "migration_database_url")
    @classmethod
    def _postgres(cls, value: str | None) -> str | None:
        if value is None:
            return None
        scheme, _, rest = value.partition("://")
        if scheme.split("+", maxsplit=1)[0] not in {"postgresql", "postgres"} or not rest:
            message = "must look like postgresql://user@host/database"
            raise ValueError(message)
        return f"postgresql+psycopg2://{rest}"


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Raises:
        SettingsError: one line that names the variable and what is wrong with it.

    """
    environ = os.environ if environ is None else environ
    # An empty variable counts as unset: that is what `QUIETUDE_X= make run` means to people.
    values = {key[len(PREFIX) :].lower(): value for key, value in environ.items() if key.startswith(PREFIX) and value}
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + "_".join(str(part) for part in first["loc"]).upper()
        if first["type"] == "extra_forbidden":
            raise SettingsError(f"{name}: there is no such setting (README lists them all)") from None
        raise SettingsError(f"{name}: {first['msg']}") from None
    if settings.secret_key:
        return settings
    return settings.model_copy(update={"secret_key": _stored_secret(settings.var_dir)})


def _stored_secret(var_dir: Path) -> str:
    """The generated secret key of this installation, made once."""
    path = var_dir / "secret_key"
    try:
        var_dir.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            return path.read_text().strip()
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
        return path.read_text().strip()
    except OSError as error:
        raise SettingsError(f"{PREFIX}VAR_DIR: cannot keep the secret key in {path} ({error.strerror})") from None
