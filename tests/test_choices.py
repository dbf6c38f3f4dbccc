import subprocess
import sys
from pathlib import Path

import pytest

from goldpan.choices import Word, bad_choice, overview, read_word

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


def test_two_tables_are_refused() -> None:
    sentence = "a command is of one table; got digits and rni_vgg16_cifar10: type one after the "
    assert bad_choice(["+table=digits,rni_vgg16_cifar10"], CONF) == sentence + "other"
    assert bad_choice(["+table=digits", "+table=rni_vgg16_cifar10"], CONF) == sentence + "other"


def test_help_is_what_hydra_prints() -> None:
    command = [sys.executable, "run.py", "--help", "seed=0"]  # with a choice it is Hydra's own
    printed = subprocess.run(command, cwd=CONF.parent, capture_output=True, text=True, check=True)
    assert printed.stdout == overview(CONF) + "\n"
