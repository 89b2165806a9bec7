"""Runs in the peers' environment: GeoPandas from PostGIS to a GeoJSON file, once for each line of standard input.

Arguments: the database's socket folder, the file to write. It answers each line with the number of features.
"""

from __future__ import annotations

import sys
from urllib.parse import quote

import geopandas
from sqlalchemy import create_engine


def main(folder: str, file: str) -> None:
    """Work on request, so that starting and importing are not measured."""
    engine = create_engine(f"postgresql+psycopg2://quietude_app@/quietude?host={quote(folder, safe='')}&port=5432")
    for _ in sys.stdin:
        frame = geopandas.read_postgis("SELECT * FROM peer.reports", engine, geom_col="geom")
        frame.to_file(file, driver="GeoJSON")
        print(len(frame), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
