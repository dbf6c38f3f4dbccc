import pytest

from goldpan.duration import Duration

STEPS = {"10ep": 120, 10: 120, "10": 120, "500it": 500, "0.75": 900, 0.75: 900, 0: 0, "1.5ep": 18}
STEPS |= {"1": 12, "1.0": 1200, 1e-5: 0, "0it": 0}


@pytest.mark.parametrize(("value", "steps"), STEPS.items())
def test_steps_of_a_run_of_1200_steps_with_12_an_epoch(value: str | float, steps: int) -> None:
    assert Duration.parse(value).steps(1200, 12) == steps


@pytest.mark.parametrize("value", ["ten", "10 ep", "-1ep", "1.5", 2.0, "2.5it", "10eps", "", -1])
def test_another_form_is_refused_in_one_sentence(value: str | float) -> None:
    sentence = f"expected a duration such as 25000it, 10ep or 0.5; got {value}$"
    with pytest.raises(ValueError, match=sentence):
        Duration.parse(value)


def test_a_duration_is_said_in_words() -> None:
    said = [str(Duration.parse(value)) for value in ("25000000it", 10, 0.5)]
    assert said == ["25000000 steps", "10 epochs", "0.5 of the training"]
