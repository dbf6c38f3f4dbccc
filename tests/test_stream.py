import torch

from goldpan.stream import scoring_seed, stream


def test_a_stream_depends_on_its_key_alone() -> None:
    one, again, other = (
        torch.rand(4, generator=stream(*key)) for key in [(0, "a"), (0, "a"), (0, "b")]
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_the_seed_of_scoring_is_that_of_committed_records() -> None:
    assert scoring_seed(0, 5) == 5
    assert scoring_seed(2, 40) == 2_000_046
