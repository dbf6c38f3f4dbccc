"""The pages of the documentation: their links, their commands, and the site made of them."""

import re
import shlex
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep

from goldpan.choices import bad_choice, read_word
from goldpan.reports.command import split
from goldpan.runs.experiment import resolve
from goldpan.runs.schema import check_choices, check_groups

ROOT = Path(__file__).parents[2]
CONF = ROOT / "conf"
PAGES = sorted(
    page for place in (".", "docs", "results", "benchmarks") for page in (ROOT / place).glob("*.md")
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:[A-Z_]+=\S+ )*(python run\.py|python -m goldpan\.report|goldpan)( .*|)")
PLACEHOLDER = re.compile(r"\b[A-Z][A-Z_]+\b")
"""A word in capitals, such as FILE, that a reader replaces."""


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    links = LINK.findall(FENCE.sub("", page.read_text()))
    places = [link.partition("#")[0] for link in links if "://" not in link]
    assert not [place for place in places if place and not (page.parent / place).exists()]


def test_the_readme_fits_on_a_screen_and_a_half() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 110


def commands(page: Path) -> Iterator[list[str]]:
    """The words of each command on a page: lines of blocks of code, and whole spans of code.

    Those of a reader's own parts are left out: their files are not in conf.
    """
    text = page.read_text().replace("\\\n", " ")
    blocks = [*FENCE.findall(text), *re.findall(r"^    .*", text, re.MULTILINE)]
    spans = re.findall(r"`([^`]+)`", FENCE.sub("", text))
    for line in [*"\n".join(blocks).splitlines(), *(span.replace("\n", " ") for span in spans)]:
        if found := COMMAND.fullmatch(line.strip()):
            words = shlex.split(found[2], comments=True)
            own = "--config-dir" in words or any("._target_=" in word for word in words)
            if not own and not any(PLACEHOLDER.search(word) for word in words):
                yield [found[1], *words]


NAMES = ([], ["export"], ["report"], ["table"])
"""What follows a program where a page names it or a subcommand, and types none."""

COMMANDS = {
    " ".join(words): words for page in PAGES for words in commands(page) if words[1:] not in NAMES
}


@pytest.fixture(scope="module")
def hydra() -> Iterator[None]:
    """Hydra, initialised once for all commands."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


def test_the_pages_have_commands() -> None:
    assert len(COMMANDS) > 30


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS.keys())
def test_every_command_is_composed(words: list[str], hydra: None) -> None:
    program, *typed = words
    if typed[0] == "table":
        typed = [f"+table={typed[1]}", *typed[2:]]
    if typed[0] == "report" or "report" in program:
        _, typed = split([word for word in typed if word != "report"])
        if not any(read_word(word).name == "table" for word in typed):
            assert typed == ["outputs"] or (ROOT / typed[0]).is_dir()
            return
    if {"--help", "--version"} & {*typed}:
        return
    assert bad_choice(typed, CONF) is None
    cfg = compose("run", first_values(word for word in typed if not word.startswith("-")))
    check_groups(cfg)
    check_choices(resolve(cfg))


def first_values(words: Iterable[str]) -> list[str]:
    """The overrides of the first cell of a sweep, or of a search."""
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    overrides = []
    for override in parser.parse_overrides([word for word in words if word[:5] != "hydra"]):
        sweep = override.value()
        if isinstance(sweep, IntervalSweep):
            value = str(sweep.start)
        elif override.is_sweep_override():
            value = str(next(override.sweep_string_iterator()))
        else:
            value = override.get_value_element_as_str()
        overrides.append(f"{override.get_key_element()}={value}")
    return overrides


def navigation(value: Any) -> Iterator[str]:
    """The pages of a navigation, in its order."""
    if isinstance(value, str):
        yield value
    else:
        for part in value.values() if isinstance(value, dict) else value:
            yield from navigation(part)


@pytest.fixture(scope="module")
def builder(load_script: Callable[[Path], ModuleType]) -> ModuleType:
    """docs/build.py as a module."""
    return load_script(ROOT / "docs/build.py")


def test_every_page_stands_in_the_navigation_once(builder: ModuleType, tmp_path: Path) -> None:
    builder.copy_pages(tmp_path / "pages")
    there = {path.relative_to(tmp_path / "pages") for path in tmp_path.rglob("*.md")}
    config = tomllib.loads((ROOT / "docs/zensical.toml").read_text())
    listed = [*navigation(config["project"]["nav"])]
    assert sorted(listed) == sorted(path.as_posix() for path in there)


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(builder: ModuleType, tmp_path: Path) -> None:
    pytest.importorskip("zensical", reason="no zensical here: pip install -e '.[docs]'")
    pytest.importorskip("mkdocstrings", reason="no mkdocstrings here: pip install -e '.[docs]'")
    builder.build(tmp_path / "site")
    for page in (tmp_path / "site").rglob("index.html"):
        links = re.findall(r'(?:href|src)="([^"#?:]+)["#?]', page.read_text())
        assert not [link for link in links if not (page.parent / link).exists()], page
    reference = (tmp_path / "site/docs/reference/index.html").read_text()
    assert 'id="goldpan.scorers.snip.snip"' in reference


def test_every_method_has_a_row_with_its_paper_and_its_test() -> None:
    rows = re.findall(r"^\| (`.*)\|$", (ROOT / "docs/methods.md").read_text(), re.MULTILINE)
    found = set()
    for row in rows:
        names, paper, _, test = (cell.strip() for cell in row.split(" | "))
        assert (ROOT / test.strip("`")).exists(), test
        for name in re.findall(r"`(\w+)`", names):
            found.add(name)
            numbers = re.findall(r"\b\d{4}\.\d{5}\b", paper)
            assert numbers or "arXiv" not in header(name), name
            assert all(number in header(name) for number in numbers), (name, numbers)
    assert found == {path.stem for path in (CONF / "method").glob("*.yaml")}


def header(method: str) -> str:
    """The comments of a method's file and of those that it is made from."""
    text = (CONF / f"method/{method}.yaml").read_text()
    return "\n".join(line for line in text.splitlines() if line.startswith("#"))
