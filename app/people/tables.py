"""The account and its role, as Flask-Security wants to handle them. The only mapped classes; they stay in this domain.

Everything else reads and writes these tables through `store.py`.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from flask_security import RoleMixin, UserMixin
from sqlalchemy import ForeignKey, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.mutable import MutableList
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

if TYPE_CHECKING:
    from typing import Any

    class _Role:
        """What the untyped library adds."""

    class _User:
        """What the untyped library adds."""

        def __init__(self, **values: Any) -> None: ...
else:
    _Role, _User = RoleMixin, UserMixin


class Base(DeclarativeBase):
    """Tables are made by the migrations, never from here."""


class OrganisationRow(Base):
    """Only what the page header shows."""

    __tablename__ = "organisation"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class RoleRow(_Role, Base):
    """One of the five roles an account can have."""

    __tablename__ = "role"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    description: Mapped[str | None]


class Account(_User, Base):
    """Somebody who can sign in. One role, one organisation."""

    __tablename__ = "account"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]
    display_name: Mapped[str | None]
    password: Mapped[str | None]
    active: Mapped[bool]
    fs_uniquifier: Mapped[str]
    confirmed_at: Mapped[datetime | None]
    update_datetime: Mapped[datetime] = mapped_column(onupdate=func.now())
    tf_primary_method: Mapped[str | None]
    tf_totp_secret: Mapped[str | None]
    tf_last_counter: Mapped[int | None]
    mf_recovery_codes: Mapped[list[str] | None] = mapped_column(MutableList.as_mutable(JSONB))
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    role_id: Mapped[int] = mapped_column(ForeignKey("role.id"))
    # Joined: who is asking is one query.
    role: Mapped[RoleRow] = relationship(lazy="joined", innerjoin=True)
    organisation: Mapped[OrganisationRow] = relationship(lazy="joined", innerjoin=True)

    # Flask-Security clears it when the second factor is switched off; we send no text messages and store no number.
    tf_phone_number = None

    @property
    def roles(self) -> list[RoleRow]:
        """Flask-Security counts roles; an account has one."""
        return [self.role]

    @property
    def organisation_name(self) -> str:
        """For the page header."""
        return self.organisation.name
