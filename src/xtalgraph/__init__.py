"""Learn properties of crystals from their periodic graphs, with the evidence beside the number.

The public entry points, each as one verb of the command line:

- `train`: from crystals and a column of numbers to a run folder;
- `pretrain`: from crystals without labels to an encoder without a target;
- `train_generator`, `generate`: from crystals without labels to a model that draws crystals;
- `assess_generator`: how good what it draws is, beside templates and random search;
- `finetune`: from a run and other data to a run, beside the same model from fresh weights;
- `load`: the predictor of a run, whose `predict` takes structures, paths or a DataFrame;
- `predict`, `evaluate`, `embed`, `screen`, `report`: the same from folder to folder;
- `suggest`: which crystals to compute next;
- `compare`: a model against the mean, composition, descriptors and public models;
- `verify`: what must not change a prediction is tried on a run, or on any ASE calculator;
- `calculator`: the potential of a run, for ASE; `lammps_potential`: the same for LAMMPS;
- `convert`: exported weights of another package's potential as a run folder;
- `energies`, `relax`, `md`, `eos`, `elastic`, `phonons`: what a potential says of crystals;
- `diagnose`: what a run has learned, and what it has not;
- `ablate`, `tune`: settings compared on a grid, or searched;
- `list_models`, `model_info`, `add_model`: models that are asked for by a name.
"""

import importlib
from typing import TYPE_CHECKING, Any

from xtalgraph.conventions.waiting import wait_without_spinning

if TYPE_CHECKING:
    from xtalgraph.workflows.ablate import ablate
    from xtalgraph.workflows.assess_generator import assess_generator
    from xtalgraph.workflows.calculator import calculator, lammps_potential
    from xtalgraph.workflows.compare import compare
    from xtalgraph.workflows.convert import convert
    from xtalgraph.workflows.diagnose import diagnose
    from xtalgraph.workflows.embed import embed
    from xtalgraph.workflows.energies import energies
    from xtalgraph.workflows.evaluate import evaluate
    from xtalgraph.workflows.finetune import finetune
    from xtalgraph.workflows.generate import generate
    from xtalgraph.workflows.md import md
    from xtalgraph.workflows.model_catalog import add_model, list_models, model_info
    from xtalgraph.workflows.phonons import phonons
    from xtalgraph.workflows.predict import load, predict
    from xtalgraph.workflows.pretrain import pretrain
    from xtalgraph.workflows.report import report
    from xtalgraph.workflows.screen import screen
    from xtalgraph.workflows.simulate import elastic, eos, relax
    from xtalgraph.workflows.suggest import suggest
    from xtalgraph.workflows.train import train
    from xtalgraph.workflows.train_generator import train_generator
    from xtalgraph.workflows.tune import tune
    from xtalgraph.workflows.verify import verify

__version__ = "0.1.0"
__all__ = [
    "__version__",
    "ablate",
    "add_model",
    "assess_generator",
    "calculator",
    "compare",
    "convert",
    "diagnose",
    "elastic",
    "embed",
    "energies",
    "eos",
    "evaluate",
    "finetune",
    "generate",
    "lammps_potential",
    "list_models",
    "load",
    "md",
    "model_info",
    "phonons",
    "predict",
    "pretrain",
    "relax",
    "report",
    "screen",
    "suggest",
    "train",
    "train_generator",
    "tune",
    "verify",
]

_ELSEWHERE = {
    **{"load": "predict", "lammps_potential": "calculator"},
    **dict.fromkeys(("relax", "eos", "elastic"), "simulate"),
    **dict.fromkeys(("add_model", "list_models", "model_info"), "model_catalog"),
}
"""Entry points whose module does not have their name."""

wait_without_spinning()  # before anything imports torch


def __getattr__(name: str) -> Any:
    """Import an entry point when it is first used, so that `import xtalgraph` is quick."""
    if name not in __all__[1:]:
        raise AttributeError(f"module 'xtalgraph' has no attribute {name!r}")
    from xtalgraph.conventions.files import file_errors

    module = importlib.import_module(f"xtalgraph.workflows.{_ELSEWHERE.get(name, name)}")
    entry = file_errors()(getattr(module, name))
    globals()[name] = entry
    return entry
