import runpy
from pathlib import Path

import pytest

from goldpan.runs.kinds import DURATION, LENGTH, SPAN
from goldpan.runs.options import OPTIONS

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_of_options_is_up_to_date() -> None:
    page = runpy.run_path(str(DOCS / "make_options.py"))["page"]()
    assert (DOCS / "options.md").read_text() == page, "run: python docs/make_options.py"


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_says_what_it_is_and_means_in_one_line(name: str) -> None:
    option = OPTIONS[name]
    assert option.kind.words
    assert option.meaning
    assert "\n" not in option.meaning


def test_the_page_of_recipes_names_every_option_that_takes_a_duration() -> None:
    kinds = (DURATION, SPAN, LENGTH)
    taking = {
        f"| `{name}` | {option.meaning} |"
        for name, option in OPTIONS.items()
        if any(kind.words in option.kind.words for kind in kinds)
    }
    table = (DOCS / "recipes.md").read_text().partition("## Options")[2]
    assert {line for line in table.splitlines() if line.startswith("| `")} == taking
