"""Learn properties of crystals from their periodic graphs, with the evidence beside the number.

The public entry points, each as one verb of the command line:

- `train`: from crystals and a column of numbers to a run folder;
- `load`: the predictor of a run, whose `predict` takes structures, paths or a DataFrame;
- `predict`, `evaluate`, `embed`, `screen`, `report`: the same from folder to folder.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xtalgraph.workflows.embed import embed
    from xtalgraph.workflows.evaluate import evaluate
    from xtalgraph.workflows.predict import load, predict
    from xtalgraph.workflows.report import report
    from xtalgraph.workflows.screen import screen
    from xtalgraph.workflows.train import train

__version__ = "0.1.0"
__all__ = ["__version__", "embed", "evaluate", "load", "predict", "report", "screen", "train"]

_ENTRY_POINTS = {
    "train": "train",
    "load": "predict",
    "predict": "predict",
    "evaluate": "evaluate",
    "embed": "embed",
    "report": "report",
    "screen": "screen",
}


def __getattr__(name: str) -> Any:
    """Import an entry point when it is first used, so that `import xtalgraph` is quick."""
    if name not in _ENTRY_POINTS:
        raise AttributeError(f"module 'xtalgraph' has no attribute {name!r}")
    module = importlib.import_module(f"xtalgraph.workflows.{_ENTRY_POINTS[name]}")
    return getattr(module, name)
