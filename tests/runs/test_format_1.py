"""Records that goldpan wrote before format 2, as they lie in results, are read as today's."""

import json
from pathlib import Path

import pytest

from goldpan.runs.record import read_record

RESULTS = Path(__file__).parents[2] / "results"
OLD = [p for p in sorted(RESULTS.rglob("record.json")) if json.loads(p.read_text())["format"] == 1]


def test_old_records_are_there_to_be_read() -> None:
    assert len(OLD) >= 77


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.parent.name)
def test_an_old_record_says_what_it_said(path: Path) -> None:
    old, record = json.loads(path.read_text()), read_record(path)
    assert (record.identity.id, record.identity.seed) == (old["id"], old["seed"])
    assert record.origin.commit == old["commit"]
    assert record.ranks == tuple(old["ranks"])
    if old.get("returns"):
        assert record.agent is not None
        assert record.agent.returns == old["returns"]
        return
    assert record.accuracies is not None
    assert record.sparsity is not None
    assert record.accuracies.last.test == old["last"]["test"]
    assert record.sparsity.got == old["sparsity"]["got"]
    assert record.flops_kept == 100 * old["flops"]["sparse"] / old["flops"]["dense"]
    assert (record.channels is None) == (old["sparsity"]["granularity"] == "weight")
    if record.channels is not None:
        assert record.channels.milliseconds["128"]["shrunk"] == old["latency"]["shrunk, batch 128"]
        assert record.channels.trained.test == old["trained"]["test"]
    else:
        assert record.weights is not None
        assert record.weights.masks == old["masks"]


def test_an_old_record_without_its_fields_is_not_whole(tmp_path: Path) -> None:
    old = json.loads(OLD[-1].read_text())
    del old["flops"]
    old.pop("seal", None)
    (tmp_path / "record.json").write_text(json.dumps(old))
    with pytest.raises(ValueError, match="not a whole record: 'flops'"):
        read_record(tmp_path / "record.json")
