"""Files of older versions are read with the names of today."""

from xtalgraph.models.upgrades import FORMAT, upgrade_model, upgrade_sections


def test_a_model_of_an_older_format_gets_the_names_of_today():
    old = {"format": 1, "model": {"encoder": "cgcnn", "fold_tolerance": 0.001}}
    new = {"encoder": "cgcnn", "reduction_tolerance": 0.001}
    assert upgrade_model(old) == {"format": FORMAT, "model": new}
    assert old["model"] == {"encoder": "cgcnn", "fold_tolerance": 0.001}


def test_a_model_of_today_stays_as_it_is():
    document = {"format": FORMAT, "model": {"encoder": "cgcnn"}}
    assert upgrade_model(document) == document


def test_sections_keep_what_was_not_renamed():
    old = {"graph": {"fold_tolerance": 0.0, "cutoff": 5.0}, "training": {"epochs": 3}}
    assert upgrade_sections(old) == {
        "graph": {"reduction_tolerance": 0.0, "cutoff": 5.0},
        "training": {"epochs": 3},
    }
