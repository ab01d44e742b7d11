"""A training reports whether energies and stresses fit together, and can be told to mend it."""

import logging

import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write

from xtalgraph.workflows import train as training

VIRIAL = 0.15
DIAGONAL = np.array([1, 1, 1, 0, 0, 0])


@pytest.fixture(scope="module")
def contradicting(frames, tmp_path_factory):
    """The frames, with a virial of each atom in their stresses."""
    made = []
    for atoms in read(frames, ":"):
        pressure = VIRIAL * len(atoms) / atoms.get_volume()
        results = {**atoms.calc.results, "stress": atoms.get_stress() + pressure * DIAGONAL}
        atoms.calc = SinglePointCalculator(atoms, **results)
        made.append(atoms)
    path = tmp_path_factory.mktemp("contradicting") / "frames.extxyz"
    write(path, made)
    return path


class ToldError(Exception):
    """Raised after the last message about labels."""


def told_of(data, out, monkeypatch, caplog, *overrides: str) -> list[logging.LogRecord]:
    """Return the messages of a training about its labels, after which it ends."""

    def end(*args) -> None:
        raise ToldError

    caplog.clear()
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(training, "warn_about_graphs", end)
    with pytest.raises(ToldError):
        training.train(
            data,
            target=["energy", "forces", "stress"],
            model="schnet",
            overrides=["data.test_fraction=0.08", "data.val_fraction=0.08", *overrides],
            out=out,
            progress=False,
        )
    return list(caplog.records)


def test_stresses_that_contradict_energies_are_told_and_mended(
    contradicting, tmp_path, caplog, monkeypatch
):
    records = told_of(contradicting, tmp_path / "told", monkeypatch, caplog)
    (warning,) = (r for r in records if "contradict each other" in r.getMessage())
    assert warning.levelno == logging.WARNING
    text = warning.getMessage()
    assert "a tension of 2" in text
    assert "Cu 0.15 eV/atom" in text
    assert not any("another unit" in record.getMessage() for record in records)
    setting = text.split('--set "')[1].split('"')[0]
    records = told_of(contradicting, tmp_path / "mended", monkeypatch, caplog, setting)
    messages = [record.getMessage() for record in records]
    assert "Energies, forces and stresses of 20 frames fit together." in messages
    assert not any("contradict" in message for message in messages)
