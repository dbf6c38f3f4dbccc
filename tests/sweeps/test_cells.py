import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hydra.errors import HydraException

from goldpan.runs.record import RECORD
from goldpan.sweeps.cells import Cell, plan

CONF = Path(__file__).parents[2] / "conf"


def cells(*arguments: str) -> list[Cell]:
    return list(plan(["logger=none", *arguments], CONF).cells)


def test_every_combination_is_a_cell_named_by_its_axes() -> None:
    planned = plan(["method=snip,grasp", "seed=0,1", "sparsity=0.9"], CONF)
    assert [dict(cell.axes) for cell in planned.cells] == [
        {"method": method, "seed": seed} for method in ("snip", "grasp") for seed in ("0", "1")
    ]
    assert planned.axes == {"method": ["snip", "grasp"], "seed": ["0", "1"]}


def test_a_cell_has_the_identity_of_the_same_run_typed_alone() -> None:
    together = cells("method=snip", "sparsity=0.9,0.98", "seed=0,1", "recipe.epochs=3")
    for sparsity in ("0.9", "0.98"):
        for seed in ("0", "1"):
            (alone,) = cells(
                "method=snip", f"sparsity={sparsity}", f"seed={seed}", "recipe.epochs=3"
            )
            assert alone.draft.identity.id in {cell.draft.identity.id for cell in together}
    assert len({cell.draft.identity.id for cell in together}) == 4


def test_options_in_the_searchpath_are_cells_too(tmp_path: Path) -> None:
    (tmp_path / "method").mkdir()
    (tmp_path / "method/mine.yaml").write_text("defaults: [magnitude]")
    words = (f"hydra.searchpath=['file://{tmp_path}']", "method=mine,random", "seed=0,1")
    planned = cells(*words)
    assert [cell.draft.identity.method for cell in planned] == ["mine"] * 2 + ["random"] * 2
    assert not any("searchpath" in text for cell in planned for text in cell.overrides)


def test_a_dense_network_at_two_sparsities_is_one_run() -> None:
    planned = plan(["method=dense", "sparsity=0.9,0.98"], CONF)
    assert len(planned.cells) == 2
    assert len(planned.runs) == 1


@pytest.mark.parametrize(
    ("argument", "error"),
    [
        ("recipe.epoch=3", "recipe.epoch is no option; did you mean recipe.epochs"),
        ("sparsity=0.9,1.5", "sparsity is a fraction"),
        ("sparsity=interval(0,1)", "only a search can take"),
        ("method=snap", "snap"),
        ("agent=nowhere.pt", "nowhere.pt"),
        ("hydra.sweeper.params.seed=5", "hydra.sweeper.params.seed=5 cannot be set for a sweep"),
    ],
)
def test_what_cannot_be_is_said_before_any_cell_runs(argument: str, error: str) -> None:
    with pytest.raises((ValueError, HydraException, FileNotFoundError), match=error):
        cells(argument)


@pytest.mark.parametrize(
    ("words", "group"),
    [
        (["sparsity=0.5", "seed=0,1", "output=there"], "sparsity=0.5 seed=0,1"),
        (["+table=digits", "method=snip", "seed=0"], "digits"),
        (["seed=0,1", "logger.group=ours"], "ours"),
        (["seed=0"], None),
        (["seed=0,1", "logger=[wandb,csv]"], "seed=0,1"),
    ],
)
def test_the_runs_of_a_sweep_are_a_group_in_their_command_lines_too(
    words: list[str], group: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WANDB_RUN_GROUP", raising=False)
    for cell in plan(words, CONF).cells:
        assert cell.choices["logger"]["group"] == group
        (again,) = plan(cell.overrides, CONF).cells
        assert again.choices["logger"] == cell.choices["logger"]
        assert again.draft.identity.id == cell.draft.identity.id


def test_a_variable_or_another_logger_leaves_a_sweep_without_a_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert all(cell.choices["logger"] == {} for cell in cells("seed=0,1"))
    monkeypatch.setenv("WANDB_RUN_GROUP", "mine")
    planned = plan(["seed=0,1"], CONF)
    assert all(cell.choices["logger"]["group"] is None for cell in planned.cells)


def test_the_files_own_axes_stay_known_when_an_axis_is_narrowed() -> None:
    narrowed = plan(["+table=digits", "method=snip", "seed=0"], CONF)
    assert narrowed.axes["seed"] == ["0"]
    assert narrowed.own["seed"] == ["0", "1"]
    assert len(narrowed.own["method"]) == 6
    assert plan(["seed=0,1"], CONF).own == {}


def test_a_record_of_another_run_is_not_the_cells(tmp_path: Path) -> None:
    (cell,) = cells(f"output={tmp_path}")
    assert cell.record() is None
    cell.folder.mkdir()
    path = cell.folder / RECORD
    cell.draft.write(path)
    assert cell.record() == cell.draft
    another = replace(cell.draft.identity, id="another")
    replace(cell.draft, identity=another).write(path)
    with pytest.raises(ValueError, match=f"another instead of {cell.draft.identity.id}"):
        cell.record()
    path.write_text("{")
    with pytest.raises(ValueError, match="not a whole record"):
        cell.record()


def test_planning_needs_no_torch() -> None:
    """A finished table is skipped without the seconds that importing torch takes."""
    import subprocess

    code = (
        "import sys; from pathlib import Path; from goldpan.sweeps.cells import plan; "
        f"plan(['method=snip,grasp'], Path({str(CONF)!r})); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_tables_word_on_the_command_line_counts_and_changes_no_run() -> None:
    own, changed = (plan(["+table=digits", *words], CONF) for words in ([], ["table.metric=best"]))
    assert own.table is not None
    assert changed.table == {**own.table, "metric": "best"}
    ids = [[cell.draft.identity.id for cell in one.cells] for one in (own, changed)]
    assert ids[0] == ids[1]


def test_a_tables_word_with_several_values_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a table takes one value.*got table.metric=best,last"):
        plan(["+table=digits", "table.metric=best,last"], CONF)
