"""The configuration: one schema from file, options and overrides."""

import pytest

from xtalgraph.conventions.errors import ConfigError, TargetError
from xtalgraph.models.encoder import Recommended
from xtalgraph.models.registry import DEFAULT, ENCODERS
from xtalgraph.workflows.config import RunConfig, apply_override, merge, read_yaml
from xtalgraph.workflows.request import Request

DATA = {"path": "a.csv", "target": "y"}


def test_every_default_is_written_out_and_read_back(tmp_path):
    config = RunConfig.from_sections({"data": DATA, "graph": {"strategy": "radius"}})
    path = tmp_path / "c.yaml"
    path.write_text(config.to_yaml(), encoding="utf-8")
    assert RunConfig.from_sections(read_yaml(path)) == config
    sections = config.sections()
    assert sections["graph"] == {"strategy": "radius", "cutoff": 5.0, "reduction_tolerance": 1e-3}
    assert sections["model"]["name"] == DEFAULT
    assert sections["training"]["epochs"] == config.training.epochs


@pytest.mark.parametrize(
    ("kind", "reduced"), [("extensive", 1e-3), ("intensive", 1e-3), ("atomic", 0.0)]
)
def test_the_graph_is_folded_where_the_target_allows(kind, reduced):
    sections = {"data": {**DATA, "kind": kind}}
    assert RunConfig.from_sections(sections).spec.reduction_tolerance == reduced


def test_options_lie_over_the_file_and_overrides_over_both():
    base = {"training": {"epochs": 1, "seed": 1, "batch_size": 8}}
    options = {"training": {"epochs": 2, "seed": None}, "data": DATA}
    merged = merge(base, options, ["training.epochs=3", "model.width=16"])
    assert merged["training"] == {"epochs": 3, "seed": 1, "batch_size": 8}
    assert merged["model"] == {"width": 16}
    assert base["training"]["epochs"] == 1, "the input is not changed"


def test_the_number_of_members_lies_over_the_file_and_an_override_over_it(tmp_path):
    (tmp_path / "c.yaml").write_text("training: {members: 2}", encoding="utf-8")
    data = tmp_path / "a.csv"
    data.write_text("id,cif,y\n", encoding="utf-8")
    options = {"target": "y", "config": tmp_path / "c.yaml"}

    def members(count=None, overrides=()):
        request = Request.of(data, {**options, "overrides": overrides, "members": count})
        return request.config().training.members

    assert (members(), members(3), members(3, ["training.members=4"])) == (2, 3, 4)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"data": DATA, "trainin": {}}, r"unknown section 'trainin'; did you mean 'training'\?"),
        ({"data": {"path": "a"}}, r"data\.target is missing"),
        ({"data": {**DATA, "splt": "x"}}, r"unknown key data\.splt; did you mean 'split'\?"),
        ({"data": {**DATA, "split": "formul"}}, r"no split 'formul'; did you mean 'formula'"),
        ({"data": {**DATA, "split": "element"}}, r"must be written element:SYMBOL, got 'element'"),
        ({"data": {**DATA, "split": "formula:"}}, r"must be written formula, got 'formula:'"),
        ({"data": {**DATA, "split": "anion:Xx"}}, r"'Xx' is no element; write a symbol"),
        ({"data": {**DATA, "split": "family:oxid"}}, r"no family 'oxid'; did you mean 'oxide'"),
        ({"data": {**DATA, "split": "target:top"}}, r"must be target:high or target:low"),
        ({"data": {**DATA, "split": "folds"}}, r"data\.fold is missing: say which fold"),
        ({"data": {**DATA, "fold": 1}}, r"data\.fold goes with a split that has folds"),
        ({"data": {**DATA, "folds": 5}}, r"data\.fold is missing"),
        ({"data": {**DATA, "split": "formula", "fold": 1}}, r"data\.folds is missing"),
        (
            {"data": {**DATA, "split": "folds", "fold": 1, "inner_fold": 1}},
            r"inner_folds and data\.fold go together, got 1, None and 1",
        ),
        ({"data": {**DATA, "kind": "total"}}, r"data\.kind must be one of 'extensive'"),
        ({"data": DATA, "model": {"name": "cgcn"}}, r"did you mean 'cgcnn'"),
        ({"data": DATA, "model": {"depht": 2}}, r"unknown key model\.depht; did you mean 'depth'"),
        ({"data": DATA, "graph": {"cutof": 2}}, r"unknown key graph\.cutof; did you mean 'cutoff'"),
        (
            {"data": DATA, "training": {"lr": 2}},
            r"unknown key training\.lr; did you mean 'training\.learning_rate'",
        ),
        (
            {"data": DATA, "training": {"width": 2}},
            r"unknown key training\.width; did you mean 'model\.width'",
        ),
        (
            {"data": DATA, "graph": {"fold_tolerance": 0.0}},
            r"unknown key graph\.fold_tolerance; did you mean 'graph\.reduction_tolerance'",
        ),
        (
            {"data": DATA, "graph": {"reduction_tolerance": "x"}},
            r"reduction_tolerance must be a number",
        ),
        ({"data": DATA, "graph": {"reduction_tolerance": -1}}, r"at least 0 Å, got -1"),
        (
            {"data": {**DATA, "kind": "atomic"}, "graph": {"reduction_tolerance": 1e-3}},
            r"cannot be reduced: 'y' is declared atomic .* Set graph\.reduction_tolerance=0",
        ),
    ],
)
def test_what_is_wrong_is_said(sections, message):
    with pytest.raises(ConfigError, match=message):
        RunConfig.from_sections(sections)


def test_a_readout_that_does_not_fit_is_refused_before_anything_is_read():
    sections = {"data": {**DATA, "kind": "intensive"}, "model": {"readout": "sum"}}
    with pytest.raises(TargetError, match="wrong by a factor of two"):
        RunConfig.from_sections(sections)


@pytest.mark.parametrize("override", ["nonsense=3", "training.epochs", "training.=3", "=3"])
def test_overrides_have_a_form(override):
    with pytest.raises(ConfigError, match=r"--set takes section\.key=value"):
        apply_override({}, override)
    with pytest.raises(ConfigError, match=r"did you mean 'training\.epochs'"):
        apply_override({}, "trainng.epochs=3")


def test_a_setting_in_another_section_of_a_file_names_the_file_and_the_right_one(tmp_path):
    data, file = tmp_path / "a.csv", tmp_path / "c.yaml"
    data.write_text("id,cif,y\n", encoding="utf-8")
    file.write_text("data: {epochs: 3}", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"c\.yaml: unknown key data\.epochs; .*training\.epochs"):
        Request.of(data, {"target": "y", "config": file})


def test_an_option_of_python_that_is_none_names_the_setting_that_is_meant(tmp_path):
    with pytest.raises(ConfigError, match=r"no option 'depht'.*model\.depth=VALUE"):
        Request.of(tmp_path, {"target": "y", "depht": 3})


def test_a_file_that_is_no_configuration_is_refused(tmp_path):
    path = tmp_path / "c.yaml"
    with pytest.raises(ConfigError, match="cannot read the configuration"):
        read_yaml(path)
    path.write_text("a: [")
    with pytest.raises(ConfigError, match="is not valid YAML"):
        read_yaml(path)
    path.write_text("- 1")
    with pytest.raises(ConfigError, match="must hold the sections"):
        read_yaml(path)


def test_one_potential_is_trained_where_no_number_is_given(tmp_path, monkeypatch):
    monkeypatch.setattr(ENCODERS[DEFAULT], "recommended", Recommended(members=3))
    path = tmp_path / "frames.extxyz"
    path.write_text("")

    def members(target: list[str]) -> int:
        return Request.of(path, {"target": target}).recommended().config().training.members

    assert members(["energy", "forces"]) == 1
    assert members(["energy"]) == 3
