"""What a GeoPackage says about its layer besides the rows: titles and meanings of columns, and its style."""

from __future__ import annotations

import sqlite3

from app.exports.legend import Legend
from app.exports.style import qml, sld

# The schema extension (GeoPackage, annex F.9), and the table in which QGIS looks for the style of a layer it opens:
# both as GDAL and QGIS make them.
_TABLES = """
CREATE TABLE gpkg_data_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL, name TEXT, title TEXT,
    description TEXT, mime_type TEXT, constraint_name TEXT,
    CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name), CONSTRAINT gdc_tn UNIQUE (table_name, name));
CREATE TABLE gpkg_data_column_constraints (constraint_name TEXT NOT NULL, constraint_type TEXT NOT NULL, value TEXT,
    min NUMERIC, min_is_inclusive BOOLEAN, max NUMERIC, max_is_inclusive BOOLEAN, description TEXT,
    CONSTRAINT gdcc_ntv UNIQUE (constraint_name, constraint_type, value));
CREATE TABLE layer_styles (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256),
    f_table_schema TEXT(256), f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT,
    styleSLD TEXT, useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30),
    update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')));
INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id)
    VALUES ('layer_styles', 'attributes', 'layer_styles', 0);
"""
_SCHEMA = ("gpkg_schema", "http://www.geopackage.org/spec/#extension_schema", "read-write")


def describe(database: sqlite3.Connection, name: str, legend: Legend) -> None:
    """Put the legend into the file: for QGIS as the layer's default style, for others as the schema extension."""
    for statement in _TABLES.split(";\n"):
        database.execute(statement)
    for table in ("gpkg_data_columns", "gpkg_data_column_constraints"):
        database.execute("INSERT INTO gpkg_extensions VALUES (?, NULL, ?, ?, ?)", (table, *_SCHEMA))
    database.executemany(
        "INSERT INTO gpkg_data_columns (table_name, column_name, title, description) VALUES (?, ?, ?, ?)",
        ((name, column, title, meaning) for column, (title, meaning) in legend.columns.items()),
    )
    database.execute(
        "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName,"
        " styleQML, styleSLD, useAsDefault, description) VALUES ('', '', ?, 'geom', 'Quiétude', ?, ?, 1, ?)",
        (name, qml(legend), sld(name, legend), legend.title),
    )
    database.execute("UPDATE gpkg_contents SET identifier = ? WHERE table_name = ?", (legend.title, name))
