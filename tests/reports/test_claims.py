"""Relative claims of a paper beside what made-up runs say."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from goldpan.reports.claim import Claim, read_claim
from goldpan.reports.claims import Finding, claims_table, judge_claims
from goldpan.reports.spec import check_table, read_table

SNIP, DENSE = {"method": "snip", "sparsity": 0.9}, {"method": "dense"}
LOSSES = "step,val/loss,test/accuracy\n100,0.9,90\n{stop},0.5,{accuracy}\n900,0.7,99\n"


def finding(published: float, ours: float | None, **rest: Any) -> str:
    return Finding(Claim("last", SNIP, DENSE, published, **rest), ours).answer


@pytest.mark.parametrize(
    ("published", "ours", "answer"),
    [
        (0.3, 0.3, "agrees"),
        (0.3, 0.45, "agrees"),
        (0.3, 0.5, "size"),
        (0.3, 0.19, "size"),
        (0.3, -0.3, "differs"),
        (-0.5, -0.6, "agrees"),
        (-0.5, 0.0, "differs"),
        (0.3, None, "missing"),
    ],
)
def test_a_difference_is_judged_by_its_sign_and_its_size(
    published: float, ours: float | None, answer: str
) -> None:
    assert finding(published, ours) == answer


@pytest.mark.parametrize(
    ("ours", "answer"),
    [(2.51, "agrees"), (1.9, "agrees"), (1.8, "size"), (4.2, "size"), (0.5, "differs")],
)
def test_the_size_of_a_ratio_is_its_logarithm(ours: float, answer: str) -> None:
    assert finding(2.51, ours, by="ratio") == answer
    assert finding(1 / 2.51, 1 / ours, by="ratio") == answer


def test_a_claim_of_no_difference_agrees_within_its_margin() -> None:
    assert [finding(0, ours, margin=0.2) for ours in (0.1, -0.2, 0.3)] == [
        "agrees",
        "agrees",
        "differs",
    ]


def test_steps_are_written_whole() -> None:
    claim = Claim("early_stop", SNIP, DENSE, 1, by="sign")
    row = str(Finding(claim, 1100.0, (2, 2), (-12345.6, 0.1234)))
    assert "| above 0 | +1100 | [-12346, +0.123] | 2 and 2 | agrees |" in row


def test_a_claim_of_a_sign_has_no_size() -> None:
    assert [finding(-1, ours, by="sign") for ours in (-300, 5)] == ["agrees", "differs"]


def test_cells_are_compared_at_their_smallest_validation_loss(made_up: Any) -> None:
    made_up.finish()
    for cell in made_up.plan.runs:
        of_snip, seed = cell.axes["method"] == "snip", cell.draft.identity.seed
        stop = 300 if of_snip else 500 + 200 * seed
        text = LOSSES.format(stop=stop, accuracy=96.5 if of_snip else 93.5)
        (cell.folder.mkdir(exist_ok=True), (cell.folder / "metrics.csv").write_text(text))
    claims = [
        Claim("early_stop", SNIP, DENSE, 0.62, by="ratio"),
        Claim("accuracy_at_early_stop", SNIP, DENSE, 0.3),
        Claim("last", SNIP, DENSE, -1.2),
        Claim("last", {"method": "snip", "sparsity": 0.99}, DENSE, 1.0),
    ]
    found = judge_claims(claims, made_up.results.all_cells)
    assert [one.ours for one in found] == pytest.approx([0.5, 3, -1.2, None])
    assert [one.answer for one in found] == ["agrees", "size", "agrees", "missing"]
    text = claims_table(found)
    assert "2 agree, 1 have the sign but not the size within a factor 1.5, 1 miss runs" in text
    assert "Signs that the seeds are sure of: 1 of 4." in text
    # Logarithms of 300 / 500 and 300 / 700: -0.679 +- 12.71 * 0.238 / sqrt(2).
    sure = "[0.0598, 4.3]"
    assert f"| early_stop: snip 0.9 / dense | 0.62 | 0.5 | {sure} | 2 and 2 | agrees |" in text
    # Both seeds differ by 3, one of 359 test images is 0.279: 3 +- 12.71 * 0.279 / sqrt(2).
    assert "snip 0.9 - dense | +0.3 | +3 | [+0.497, +5.5] | 2 and 2 | size |" in text
    assert "snip 0.99 - dense | +1 | - | - | 0 and 0 | missing |" in text


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"of": "speed"}, "of is one of early_stop, accuracy_at_early_stop, last; got speed"),
        ({"by": "factor"}, "by is one of difference, ratio, sign; got factor"),
        ({"by": "ratio", "published": 1}, "above 0 and not 1"),
        ({"by": "sign"}, "a sign is 1 or -1; got 0.3"),
    ],
)
def test_a_claim_that_cannot_be_is_refused(entry: dict[str, Any], sentence: str) -> None:
    whole = {"of": "last", "at": SNIP, "against": DENSE, "published": 0.3}
    with pytest.raises(ValueError, match=sentence):
        read_claim("a claim", whole | entry)


def test_a_claim_lies_on_the_axes_of_its_table(plan_table: Callable[..., Any]) -> None:
    planned = plan_table().plan
    claim = {"of": "last", "at": SNIP, "against": {"method": "grasp"}, "published": 1.0}
    table = {**planned.table, "claims": [claim]}
    with pytest.raises(ValueError, match="no run is at method=grasp"):
        check_table(replace(planned, table=table))
    claim["against"] = DENSE
    check_table(replace(planned, table=table))
    assert read_table(replace(planned, table=table)).claims[0].at == SNIP
