from goldpan.training.callbacks.resumable import Resumable


class Counter(Resumable):
    kept = ("count",)

    def __init__(self, count: int) -> None:
        self.count, self.started = count, True


def test_the_kept_attributes_alone_travel_in_the_checkpoint() -> None:
    assert Counter(3).state_dict() == {"count": 3}


def test_a_resumed_callback_goes_on_from_the_kept_attributes() -> None:
    resumed = Counter(0)
    resumed.load_state_dict(Counter(3).state_dict())
    assert resumed.count == 3
