"""Builds the site of the pages into site/: python docs/build.py, after pip install -e ".[docs]".

The pages are copied as the repository has them, with README.md at the top, so that a relative link
means the same on the site as in the repository. A warning of the builder is an error.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
PAGES = ("*.md", "CITATION.cff", "requirements.txt", "docs", "examples", "results", "benchmarks")
"""What the pages are and link to, as patterns of names."""

NO_PAGES = shutil.ignore_patterns("__pycache__", "*-seed*", "trained-*")
"""Folders of single runs, and what Python leaves."""


def build(destination: Path) -> None:
    """Build the site in a folder that does not exist; CalledProcessError if it cannot be built."""
    with TemporaryDirectory() as folder:
        place = Path(folder)
        copy_pages(place / "pages")
        shutil.copy(ROOT / "docs/zensical.toml", place)
        (place / "src").symlink_to(ROOT / "src")
        builder = [sys.executable, "-m", "zensical", "build", "--strict"]
        subprocess.run(builder, cwd=place, check=True)
        shutil.copytree(place / "site", destination)


def copy_pages(destination: Path) -> None:
    """Copy what the site consists of into a folder, at the places that the repository has."""
    destination.mkdir()
    for source in (path for pattern in PAGES for path in ROOT.glob(pattern)):
        if source.is_dir():
            shutil.copytree(source, destination / source.name, ignore=NO_PAGES)
        else:
            shutil.copy(source, destination)


if __name__ == "__main__":
    site = ROOT / "site"
    shutil.rmtree(site, ignore_errors=True)
    build(site)
    print(f"open {site / 'index.html'}")
