from goldpan.channels.groups import LOGITS
from goldpan.channels.labels import TiedLabels

UNKNOWN = "they pass through Permute, which cannot be followed"


def test_ties_pass_on_and_have_one_root() -> None:
    labels = TiedLabels()
    a, b, c, d = (labels.fresh(2) for _ in range(4))
    labels.tie(a, b)
    labels.tie(c, d)
    assert labels.tie(b, c) is b
    assert len({labels.root(part[0]) for part in (a, b, c, d)}) == 1
    assert labels.root(a[0]) != labels.root(a[1])


def test_all_that_is_tied_to_a_pinned_label_stays() -> None:
    labels = TiedLabels()
    first, second = labels.fresh(2), labels.fresh(2)
    labels.pin([first[:1]], 0, LOGITS)
    labels.tie(second, first)
    assert labels.reasons() == {labels.root(second[0]): LOGITS}


def test_what_cannot_be_followed_is_the_reason_before_all_others() -> None:
    labels = TiedLabels()
    (label,) = labels.fresh(1)
    for why in (LOGITS, UNKNOWN, LOGITS):
        labels.pin([[label]], 0, why)
    assert labels.reasons() == {label: UNKNOWN}


def test_new_labels_can_be_pinned_at_once() -> None:
    labels = TiedLabels()
    assert labels.pin([], 2, LOGITS) == [0, 1]
    assert labels.reasons() == {0: LOGITS, 1: LOGITS}
