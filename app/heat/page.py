"""The map page `/map`, and the fragments that its script asks for."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, Response, render_template, request, url_for

from app.heat.map import build_map
from app.reports.filters import LOCAL_ZONE
from app.web.basemap import BASEMAPS
from app.web.context import services

blueprint = Blueprint("map", __name__, template_folder="templates")
