import pytest

from goldpan.allocation.quotas import apportion


def test_apportion_settles_remainders_and_respects_rooms() -> None:
    wanted = {"a": 1.5, "b": 1.6, "c": 6.9}
    assert apportion(10, wanted, {"a": 9, "b": 9, "c": 9}) == {"a": 1, "b": 2, "c": 7}
    assert apportion(10, wanted, {"a": 9, "b": 1, "c": 4}) == {"a": 5, "b": 1, "c": 4}
    assert sum(apportion(997, {"a": 1.0, "b": 990.0}, {"a": 900, "b": 100}).values()) == 997


def test_apportion_refuses_more_than_there_is() -> None:
    with pytest.raises(ValueError, match="cannot keep 3 of 2"):
        apportion(3, {"a": 3.0}, {"a": 2})
