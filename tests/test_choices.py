import re
import subprocess
import sys
from pathlib import Path

import pytest

from goldpan.choices import (
    Word,
    asked_per_cell,
    bad_choice,
    import_own_modules,
    overview,
    own_folders,
    read_word,
)
from goldpan.families import family

CONF = Path(__file__).parents[1] / "conf"


@pytest.mark.parametrize(
    ("text", "word", "root", "leaf"),
    [
        ("seed=3", Word("", "seed", "3"), "seed", ""),
        ("+recipe.epochs=3", Word("+", "recipe.epochs", "3"), "recipe", "epochs"),
        ("++a.b.c='x=y'", Word("++", "a.b.c", "'x=y'"), "a", "b.c"),
        ("~progress", Word("~", "progress", ""), "progress", ""),
        ("name=~+", Word("", "name", "~+"), "name", ""),
    ],
)
def test_an_override_is_read(text: str, word: Word, root: str, leaf: str) -> None:
    assert read_word(text) == word
    assert (word.root, word.leaf) == (root, leaf)
    assert str(word) == text.lstrip("+~") + ("" if "=" in text else "=")


def test_an_unknown_option_is_answered_with_those_that_exist() -> None:
    sentence = bad_choice(["-m", "sparsity=0.9", "schedule=linear,cubical"], CONF)
    assert sentence == (
        "schedule is one of cubic, exponential, linear, one_shot; got cubical (did you mean cubic?)"
    )


@pytest.mark.parametrize(
    "argument",
    [
        "method=snip",
        "method=snip,grasp",
        "sparsity=0.9",
        "--help",
        "method.pruner.rounds=3",
        "-m",
        "--dry-run",
        "~logger",
    ],
)
def test_what_exists_or_is_no_group_passes(argument: str) -> None:
    assert bad_choice([argument], CONF) is None


@pytest.mark.parametrize(
    ("sweep", "typed", "expected"),
    [
        ("-m method=a,b", "method.channels.target=flops", "method.channels.target=choice(flops)"),
        ("--multirun method=a,b", "procedure.levels=3", "procedure.levels=choice(3)"),
        ("-m model=a,b", "model.width=0.5", "model.width=choice(0.5)"),
        ("-m model=a,b", "method.rounds=1", None),
        ("-m method=a,b", "method.rounds=1,2", None),
        ("-m method=a,b", "~method.rounds", None),
        ("-m method=a,b", "+method.rounds=1", None),
        ("-m method=a,b", "method.pruner.indices=[snip,grasp]", None),
        ("-m method=a,b", "seed=1", None),
        ("-m method=a", "method.channels.target=flops", None),
        ("method=a,b", "method.channels.target=flops", None),
    ],
)
def test_options_of_a_swept_group_wait_for_their_cells(
    sweep: str, typed: str, expected: str | None
) -> None:
    assert asked_per_cell([*sweep.split(), typed]) == [*sweep.split(), expected or typed]


def test_two_tables_are_refused() -> None:
    sentence = "a command is of one table; got digits and rni_vgg16_cifar10: type one after the "
    assert bad_choice(["+table=digits,rni_vgg16_cifar10"], CONF) == sentence + "other"
    assert bad_choice(["+table=digits", "+table=rni_vgg16_cifar10"], CONF) == sentence + "other"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder of options of the user's own."""
    for name in ("method/mine.yaml", "method/snip.yaml", "model/mine.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    return tmp_path


def ways(folder: Path | str) -> list[list[str]]:
    """Hydra's ways to name a folder."""
    return [
        ["--config-dir", str(folder)],
        [f"--config-dir={folder}"],
        ["-cd", str(folder)],
        [f"hydra.searchpath=[file://{folder}]"],
        [f"hydra.searchpath=['{folder}']"],
    ]


def test_options_are_looked_for_in_the_users_own_folders_too(own: Path) -> None:
    for way in ways(own):
        assert own_folders(way) == [own]
        assert bad_choice([*way, "method=mine,grasp", "model=mine"], CONF) is None
        sentence = bad_choice([*way, "model=min"], CONF)
        assert sentence is not None
        assert sentence.endswith("got min (did you mean mine?)")
    assert bad_choice(["method=mine"], CONF) is not None


def test_an_option_with_the_name_of_goldpans_own_is_refused(own: Path) -> None:
    sentence = "method/snip.yaml of your own has the name of goldpan's, which would be taken; "
    assert bad_choice(["-cd", str(own), "method=snip"], CONF) == sentence + "give it another"


def test_a_folder_that_is_not_there_is_refused() -> None:
    for way in ways("/no/where"):
        sentence = "/no/where is to be a folder of options, such as method/mine.yaml; got none"
        assert bad_choice(way, CONF) == sentence


@pytest.mark.parametrize(
    "words",
    [
        ["--cfg", "job", "-p", "recipe"],
        ["--package", "method", "--cfg", "job"],
        ["hydra.searchpath=[pkg://theirs.conf]", "method=theirs"],
        ["--config-path", "elsewhere", "method=theirs"],
    ],
)
def test_what_only_hydra_can_judge_is_left_to_it(words: list[str]) -> None:
    assert bad_choice(words, CONF) is None


def test_own_modules_are_found_last(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(own)
    monkeypatch.setattr(sys, "path", ["/first"])
    import_own_modules(["-cd", "method"])
    import_own_modules(["-cd", "method"])
    assert sys.path == ["/first", str(own), str(own / "method")]


def test_help_lists_the_users_own_options(own: Path) -> None:
    for way in ways(own):
        assert "gmp_uniform, granet, granet_st, greg_1" in overview(CONF, way)
        assert "  others: mine\n" in overview(CONF, way)


PROGRAM = f"""
import hydra
hydra.main(version_base="1.3", config_path={str(CONF)!r}, config_name="run")(print)()
"""


def test_help_is_what_hydra_prints(own: Path) -> None:
    (own / "program.py").write_text(PROGRAM)
    command = [sys.executable, str(own / "program.py"), "--help", "--config-dir", str(own)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True)
    methods, by_family = re.compile(r"method: .*\n"), re.compile(r"method:\n(  .*\n)+")
    ours = overview(CONF, command) + "\n"
    assert by_family.sub("", ours) == methods.sub("", printed.stdout)
    names = methods.search(printed.stdout)[0].removeprefix("method: ").strip().split(", ")  # type: ignore[index]
    lines = by_family.search(ours)[0].splitlines()[1:]  # type: ignore[index]
    assert sorted(name for line in lines for name in line.split(": ")[1].split(", ")) == names


def test_families_follow_what_a_file_chooses() -> None:
    texts = {path.stem: path.read_text() for path in (CONF / "method").glob("*.yaml")}
    assert {name: family(name, texts) for name in EXAMPLES} == EXAMPLES
    assert "others" not in {family(name, texts) for name in texts}


EXAMPLES = {
    "static_erk": "before training",
    "prospr_full": "before training",
    "rl_panning": "Panning",
    "quantize_prune": "while training",
    "iht": "while training",
    "one_shot_reinitialized": "tickets",
    "rni_resnet56": "whole channels",
    "when_to_prune": "whole channels",
    "nrs": "nothing is cut",
}
