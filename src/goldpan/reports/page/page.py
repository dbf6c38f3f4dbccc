"""A report as one HTML file to look into, without a network: `to=html`.

The numbers go into the page as JSON; the scripts in the folder page make tables and plots.
"""

import json
import re
from html import escape
from importlib.resources import files
from pathlib import Path

from goldpan.reports.page.contents import contents
from goldpan.reports.report import Report

SCRIPTS = ("methods", "tables", "charts", "layers", "page")


def write_page(report: Report) -> Path:
    """Write page.html into the report's folder; its path."""
    path = report.folder / "page.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(report), encoding="utf-8")
    return path


def page(report: Report) -> str:
    """The page of a report: its template with style, scripts and the report's numbers in it."""
    folder = files("goldpan.reports.page")
    data = json.dumps(contents(report), ensure_ascii=False, allow_nan=False)
    parts = {
        "TITLE": escape(report.table.name),
        "STYLE": (folder / "style.css").read_text("utf-8"),
        "DATA": data.replace("<", r"\u003c"),  # no name in it ends the element
        "SCRIPT": "\n".join((folder / f"{name}.js").read_text("utf-8") for name in SCRIPTS),
    }
    pieces = re.split(r"@([A-Z]+)@", (folder / "page.html").read_text("utf-8"))
    return "".join(parts[piece] if i % 2 else piece for i, piece in enumerate(pieces))
