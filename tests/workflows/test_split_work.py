"""What the trainings on one split of the same data share: it is computed once, and the same."""

import pytest

from xtalgraph.data.splits import random_split
from xtalgraph.data.targets import Kind, Target
from xtalgraph.workflows import split_work
from xtalgraph.workflows.compare_baselines import fit_baselines
from xtalgraph.workflows.dataset import Dataset
from xtalgraph.workflows.examine_split import examine_split
from xtalgraph.workflows.prepare import read_dataset
from xtalgraph.workflows.view import views_of

TARGET = Target("energy", Kind.EXTENSIVE)


@pytest.fixture(scope="module")
def dataset(csv_path) -> Dataset:
    return read_dataset(csv_path, TARGET)


@pytest.fixture
def counted(monkeypatch):
    """Which of the two was called, in order."""
    calls = []
    for name, real in (("fit_baselines", fit_baselines), ("examine_split", examine_split)):

        def spied(*args, name=name, real=real, **options):
            calls.append(name)
            return real(*args, **options)

        monkeypatch.setattr(split_work, name, spied)
    return calls


def test_each_split_is_examined_and_fitted_once(dataset, counted, tmp_path):
    work, data = split_work.SplitWork(), dataset.content_hash()
    for seed in (0, 1, 0, 1):
        split = random_split(len(dataset.table), val=0.2, test=0.2, seed=seed)
        (view,) = views_of(dataset, split, [TARGET])
        alone = examine_split(tmp_path, dataset, split, [TARGET], data)
        assert work.division(tmp_path, dataset, split, [TARGET], data) == alone
        for one, other in zip(
            work.baselines(view, data, 0),
            fit_baselines(dataset, split, TARGET, seed=0),
            strict=True,
        ):
            assert one.name == other.name
            assert [v.tolist() for v in one.values] == [v.tolist() for v in other.values]
    assert sorted(counted) == ["examine_split"] * 2 + ["fit_baselines"] * 2


def test_another_seed_target_or_table_is_not_taken_for_the_same(dataset, counted, tmp_path):
    work = split_work.SplitWork()
    split = random_split(len(dataset.table), val=0.2, test=0.2, seed=0)
    (view,) = views_of(dataset, split, [TARGET])
    other = Target("energy", Kind.INTENSIVE)
    (as_mean,) = views_of(dataset, split, [other])
    for one, data, seed in ((view, "a", 0), (view, "b", 0), (view, "a", 1), (as_mean, "a", 0)):
        work.baselines(one, data, seed)
    assert counted == ["fit_baselines"] * 4
