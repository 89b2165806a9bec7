"""The filter language CQL2 (OGC 21-065r2): text and JSON → one tree → SQL with named binds.

    ast = parse_filter("severity >= 3 AND S_INTERSECTS(geometry, ENVELOPE(2.2, 49.8, 2.4, 50))", "cql2-text")
    condition, binds = compile_filter(ast, queryables, 4326)

Why it is our own, and what it covers: docs/decisions/0022.
"""

from app.filtering.crs import CRS_OF_URI, FilterCrs, parse_crs
from app.filtering.parameters import FILTER_KEYS, Clause, parse_clause, parse_datetime
from app.filtering.queryables import SCHEMA_OF_TYPE, Cells, Queryable, queryables_schema
from app.filtering.reading import LANGUAGES, Language, parse_filter
from app.filtering.statement import compile_filter
from app.filtering.tree import Ast, FilterError

# What tests/filtering holds; nothing else is declared.
CONFORMANCE = tuple(
    f"http://www.opengis.net/spec/cql2/1.0/conf/{name}"
    for name in (
        "cql2-text",
        "cql2-json",
        "basic-cql2",
        "advanced-comparison-operators",
        "case-insensitive-comparison",
        "accent-insensitive-comparison",
        "basic-spatial-functions",
        "basic-spatial-functions-plus",
        "spatial-functions",
        "temporal-functions",
        "array-functions",
        "property-property",
        "arithmetic",
    )
)

__all__ = [
    "CONFORMANCE",
    "CRS_OF_URI",
    "FILTER_KEYS",
    "LANGUAGES",
    "SCHEMA_OF_TYPE",
    "Ast",
    "Cells",
    "Clause",
    "FilterCrs",
    "FilterError",
    "Language",
    "Queryable",
    "compile_filter",
    "parse_clause",
    "parse_crs",
    "parse_datetime",
    "parse_filter",
    "queryables_schema",
]
