"""Suggestions: a batch of different crystals, what it would have saved, and what cannot be."""

import pandas as pd
import pytest

from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.crystals.reading import read_file
from xtalgraph.evidence import next_experiments
from xtalgraph.evidence.next_experiments import ErrorScale
from xtalgraph.evidence.run_record import read_run
from xtalgraph.workflows.suggest import suggest


@pytest.fixture
def candidates(table, tmp_path):
    """Crystals, each of them twice, with what a calculation costs."""
    frame = pd.concat([table, table.assign(id="again-" + table["id"].astype(str))])
    return frame.assign(hours=1.0).reset_index(drop=True)


def test_a_batch_of_different_crystals_and_what_it_would_have_saved(
    run_of_members_on_a_fold, candidates, csv_path, tmp_path, monkeypatch
):
    monkeypatch.setattr(next_experiments, "FEWEST", 5)
    done = suggest(
        run_of_members_on_a_fold, candidates, out=tmp_path / "s", batch=4, progress=False
    )
    assert list(done.table["rank"]) == [1, 2, 3, 4]
    assert done.table["id"].str.removeprefix("again-").is_unique
    assert (done.table["expected_error"] > 0).all()
    first = done.table.iloc[0]
    assert first["best_case"] == pytest.approx(first["prediction"] - first["expected_error"])
    written = pd.read_csv(done.path)
    assert list(written.columns) == list(done.table.columns)
    assert list(written["expected_error"]) == pytest.approx(list(done.table["expected_error"]))
    for file in done.table["file"]:
        assert len(list(read_file(tmp_path / "s" / file))) == 1
    assert done.record is not None
    page = done.page.read_text("utf-8")
    assert "4 crystals of" in page
    assert "What it would have saved" in page
    assert "held-out crystals" in done.savings[0]
    assert "95 % interval" in done.savings[0]
    assert "<svg" in page


def test_cost_and_uncertainty(run_of_members_on_a_fold, candidates, tmp_path, caplog):
    options = {"out": tmp_path / "s", "batch": 1, "by": "uncertainty", "progress": False}
    first = suggest(run_of_members_on_a_fold, candidates, **options).table["id"][0]
    dear = candidates["id"].astype(str).str.removeprefix("again-") == first.removeprefix("again-")
    candidates.loc[dear, "hours"] = 1e6
    done = suggest(run_of_members_on_a_fold, candidates, cost="hours", **options)
    assert done.table["id"][0] not in set(candidates.loc[dear, "id"].astype(str))
    assert done.table["cost"][0] == 1.0
    assert done.record is None
    assert "improve the model" in done.savings[0]
    with pytest.raises(
        InputError, match="must be a positive number in the column 'days', got None"
    ):
        suggest(run_of_members_on_a_fold, candidates, cost="days", **options)
    candidates["hours"] = candidates["hours"].astype(object)
    candidates.loc[[0, 1, 2], "hours"] = [None, -1.0, "much"]
    caplog.clear()
    done = suggest(run_of_members_on_a_fold, candidates, cost="hours", **options)
    assert done.bad == 3
    for row, value in zip(candidates["id"][:3], ("None", "-1.0", "'much'"), strict=True):
        assert f"{row} is left out: the cost must be a positive number in the column" in caplog.text
        assert f"'hours', got {value}" in caplog.text
    with pytest.raises(ConfigError, match="choose expected-improvement or uncertainty"):
        suggest(
            run_of_members_on_a_fold, candidates, cost="hours", **options | {"by": "prediction"}
        )


def test_expected_errors_are_those_of_the_validation_part(run_of_members_on_a_fold, tmp_path):
    record = read_run(run_of_members_on_a_fold)
    rows = record.split == "val"
    scale = ErrorScale.of(record)
    expected = scale.expected(int(rows.sum()), record.beside["std"][rows])
    errors = (record.predictions - record.labels)[rows]
    assert (expected**2).mean() == pytest.approx((errors**2).mean())


def test_a_model_by_name_suggests_without_its_data(table, tmp_path):
    done = suggest("phonon-peak", table.head(6), out=tmp_path / "s", batch=2, objective="max",
                   by="expected-improvement", structures="none", progress=False)  # fmt: skip
    assert len(done.table) == 2
    assert done.record is None
    assert "give them with --data" in done.savings[0]
    with pytest.raises(InputError):
        suggest("phonon-peak", table.head(6), data=table, out=tmp_path / "t", progress=False)


def test_a_potential_suggests_nothing(table, tmp_path):
    with pytest.raises(ConfigError, match="one target with one number"):
        suggest("copper-potential", table.head(2), out=tmp_path / "s", progress=False)
