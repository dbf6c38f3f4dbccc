import torch

from goldpan.channels.fpgm import distances


def test_a_filter_scores_by_its_distances_to_the_others() -> None:
    """(0, 0), (3, 4) and (0, 8) are 5, 8 and 5 apart: that in the middle goes, not the smallest."""
    assert distances(torch.tensor([[0.0, 0], [3, 4], [0, 8]])).tolist() == [13, 10, 13]


def test_equal_filters_are_at_no_distance_however_many_they_are() -> None:
    assert not distances(torch.full((40, 30), 0.1)).any()
