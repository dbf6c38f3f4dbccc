"""Hydra's several lines in one sentence, and the end of a command that is refused."""

import os

import pytest
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from goldpan.runs.sentences import FULL, hydra_prints, hydra_raises, one_sentence, sentence


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            "Ambiguous value for argument 'seed=0,1'\n1. To use it as a list, use key=[a,b]",
            "seed=0,1 has several values: type -m for a sweep of them, or brackets for a list",
        ),
        (
            "Sweep parameters 'seed=0,1' requires --multirun",
            "seed=0,1 has several values: type -m for a sweep of them",
        ),
        (
            "Could not append to config. An item is already at 'seed'.",
            "seed exists already; set it without +, as seed=VALUE",
        ),
        (
            "Could not delete from config. 'seeed' does not exist.",
            "~seeed deletes what is not there; leave it out",
        ),
        (
            "Could not override 'recipe.epoch'.\nKey 'epoch' is not in struct",
            "recipe.epoch is no option; did you mean recipe.epochs?",
        ),
        (
            "Could not find 'method/snp'\n\nAvailable options in 'method':\n\tgrasp\n\tsnip\n"
            "Config search path:\n\tprovider=main",
            "method is one of grasp, snip; got snp (did you mean snip?)",
        ),
        ("something else\n    full_key: a.b\n    object_type=dict", "something else"),
    ],
)
def test_hydras_lines_become_one_sentence(said: str, expected: str) -> None:
    assert sentence(HydraException(said)) == expected


def test_an_error_without_words_says_its_kind() -> None:
    assert sentence(HydraException("")) == "HydraException"


def test_an_environment_variable_that_is_not_set_is_named() -> None:
    cfg = OmegaConf.create({"output": "${oc.env:GOLDPAN_NOWHERE}"})
    with pytest.raises(OmegaConfBaseException) as error:
        OmegaConf.resolve(cfg)
    assert sentence(error.value).startswith("the environment variable GOLDPAN_NOWHERE is not set")


def test_a_refused_command_ends_with_the_sentence_and_code_1() -> None:
    with pytest.raises(SystemExit) as end, one_sentence():
        raise HydraException("no such thing")
    assert end.value.code == "no such thing"  # Python prints it and exits with 1


def test_other_errors_keep_their_traceback_unless_they_are_named() -> None:
    with pytest.raises(ValueError, match="ours"), one_sentence():
        raise ValueError("ours")
    with pytest.raises(SystemExit), one_sentence((ValueError,)):
        raise ValueError("ours")


def test_no_process_that_is_started_inherits_hydras_variable() -> None:
    with hydra_raises():
        assert os.environ[FULL] == "1"
        hydra_prints()
        assert FULL not in os.environ
    assert FULL not in os.environ
