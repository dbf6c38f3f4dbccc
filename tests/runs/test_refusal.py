import pytest
from hydra.errors import InstantiationException

from goldpan.runs.refusal import Refusal, interruptible, refusing


@pytest.mark.parametrize("kind", [ValueError, TypeError, FileNotFoundError, ImportError])
def test_what_a_check_raises_becomes_a_refusal(kind: type[Exception]) -> None:
    with pytest.raises(Refusal, match="expected 1, got 2"), refusing():
        raise kind("expected 1, got 2")


def test_a_part_that_hydra_cannot_build_is_refused_in_the_parts_own_words() -> None:
    with pytest.raises(Refusal, match=r"^expected 1, got 2$"), refusing():
        raise InstantiationException("in a tree of calls") from ValueError("expected 1, got 2")


def test_an_error_of_the_work_itself_is_no_refusal() -> None:
    with pytest.raises(RuntimeError), refusing():
        raise RuntimeError("out of memory")


def test_an_interruption_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop, interruptible():
        raise KeyboardInterrupt
    assert stop.value.code == 130
    assert "the same command resumes" in capsys.readouterr().err
