"""The nomenclature in the database: themes and categories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Connection, text


@dataclass(frozen=True)
class Theme:
    """A group of categories."""

    code: str
    label_fr: str
    label_en: str
    duplicate_distance_m: int = 30

    def label(self, locale: str) -> str:
        """The label in the reader's language."""
        return self.label_en if locale == "en" else self.label_fr


@dataclass(frozen=True)
class Category:
    """What a report can be about. `number` is the small stable number that the heat cube keeps."""

    code: str
    number: int
    theme: str
    kind: str
    visibility: str
    deadline_hours: int
    default_severity: int
    responsible: str
    label_fr: str
    label_en: str
    active: bool
    # Up to how many metres apart two reports may be of one thing: its own distance, else its theme's.
    duplicate_distance_m: int = 30

    def label(self, locale: str) -> str:
        """The label in the reader's language."""
        return self.label_en if locale == "en" else self.label_fr


@dataclass(frozen=True)
class Nomenclature:
    """Every theme and category, in the order of the screens."""

    themes: tuple[Theme, ...]
    categories: tuple[Category, ...]

    @cached_property
    def category_by_code(self) -> Mapping[str, Category]:
        return {category.code: category for category in self.categories}

    @cached_property
    def theme_by_code(self) -> Mapping[str, Theme]:
        return {theme.code: theme for theme in self.themes}

    def of_theme(self, theme: str) -> tuple[Category, ...]:
        """The active categories of one theme."""
        return tuple(category for category in self.categories if category.theme == theme and category.active)


_THEMES = text("SELECT code, label_fr, label_en, duplicate_distance_m FROM theme ORDER BY position, code")
_CATEGORIES = text(
    "SELECT category.code, number, theme_code AS theme, kind, visibility, deadline_hours, default_severity,"
    " responsible, category.label_fr, category.label_en, active,"
    " coalesce(category.duplicate_distance_m, theme.duplicate_distance_m) AS duplicate_distance_m"
    " FROM category JOIN theme ON theme.code = theme_code ORDER BY theme.position, category.position, category.code"
)


def load_nomenclature(connection: Connection) -> Nomenclature:
    """Read all themes and categories (two small queries; nobody needs an actor to read them)."""
    return Nomenclature(
        tuple(Theme(**row) for row in connection.execute(_THEMES).mappings()),
        tuple(Category(**row) for row in connection.execute(_CATEGORIES).mappings()),
    )


_ADD_CATEGORY = text("""
    INSERT INTO category (code, theme_code, kind, visibility, deadline_hours, default_severity, responsible,
                          label_fr, label_en, position)
    VALUES (:code, :theme, :kind, :visibility, :deadline_hours, :default_severity, :responsible,
            :label_fr, :label_en, :position)
    ON CONFLICT (code) DO NOTHING
""")


def add_missing_categories(connection: Connection, rows: Sequence[Mapping[str, object]]) -> int:
    """Add the categories whose code is new; what somebody edited stays as it is. Returns how many were added."""
    return sum(connection.execute(_ADD_CATEGORY, dict(row)).rowcount for row in rows)
