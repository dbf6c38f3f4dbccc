import pytest
import torch

from goldpan.data.datasets import Images
from goldpan.data.subset import Subset, check_classes, read_subset, take_classes, take_subset


def numbered(count: int) -> Images:
    """Images without pixels whose labels are their indices."""
    return Images(torch.zeros(count, 1, 0, 0, dtype=torch.uint8), torch.arange(count))


def test_the_images_are_those_of_sets_tutorial() -> None:
    """np.random.seed(0); shuffle the 60,000 indices, then the 10,000; take the first of each."""
    train, test = take_subset(Subset(2000, 1000), numbered(60_000), numbered(10_000))
    assert train.labels[:5].tolist() == [3048, 19563, 58303, 8870, 40228]
    assert test.labels[:5].tolist() == [6154, 5047, 7004, 6317, 8538]
    assert (len(train.labels), len(test.labels)) == (2000, 1000)
    assert len(train.labels.unique()) == 2000


def test_pixels_stay_with_their_labels() -> None:
    split = Images(torch.arange(9, dtype=torch.uint8).reshape(9, 1, 1, 1), torch.arange(9))
    train, test = take_subset(Subset(9, 4, seed=3), split, split)
    for part in (train, test):
        assert part.images.flatten().tolist() == part.labels.tolist()
    assert train.labels[:4].tolist() != test.labels.tolist()


def test_more_images_than_there_are_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"dataset.subset.test between 1 and 9, .* got 10"):
        take_subset(Subset(9, 10), numbered(9), numbered(9))


def test_imagenet_has_none() -> None:
    assert read_subset(None, "imagenet") is None
    with pytest.raises(ValueError, match=r"for imagenet; set dataset\.limit instead"):
        read_subset({"train": 9, "test": 9, "seed": 0}, "imagenet")


def test_classes_are_taken_in_the_order_of_the_file_and_named_in_that_of_the_option() -> None:
    split = Images(torch.arange(5).view(5, 1, 1, 1), torch.tensor([2, 0, 1, 2, 1]))
    taken = take_classes([2, 1], split, known=3)
    assert taken.images.flatten().tolist() == [0, 2, 3, 4]
    assert taken.labels.tolist() == [0, 1, 0, 1]


def test_classes_that_are_none_or_one_are_refused() -> None:
    split = Images(torch.zeros(1, 1, 1, 1), torch.tensor([0]))
    with pytest.raises(ValueError, match=r"only_classes between 0 and 2, .* got 3"):
        take_classes([0, 3], split, known=3)
    assert check_classes(None, "imagenet") is None
    with pytest.raises(ValueError, match=r"no dataset.only_classes for imagenet"):
        check_classes([0, 1], "imagenet")
    with pytest.raises(ValueError, match=r"two classes or more, each once, got \[4, 4\]"):
        check_classes([4, 4], "mnist")
