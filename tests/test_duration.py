import pytest

from goldpan.duration import Duration


@pytest.mark.parametrize(
    ("text", "steps"), [("10ep", 120), ("500it", 500), ("0.75", 900), ("0", 0), ("1.5ep", 18)]
)
def test_steps_of_a_run_of_1200_steps_with_12_an_epoch(text: str, steps: int) -> None:
    assert Duration.parse(text).steps(1200, 12) == steps


@pytest.mark.parametrize("text", ["ten", "10 ep", "-1ep", "1.5", "2.5it", "10eps", ""])
def test_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"got"):
        Duration.parse(text)
