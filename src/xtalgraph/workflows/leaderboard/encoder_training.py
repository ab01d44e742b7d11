"""Train what others make of the atoms under our readout and scaler, for one fold."""

import json
from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float

from xtalgraph.models.encoder import Encoder
from xtalgraph.models.head import Head
from xtalgraph.models.model import PropertyModel
from xtalgraph.models.requirements import readout_named
from xtalgraph.nn.determinism import deterministic
from xtalgraph.workflows.fit import predict_all, trainer_for
from xtalgraph.workflows.graph_source import Graphs
from xtalgraph.workflows.leaderboard.entry import Case, LeaderboardEntry
from xtalgraph.workflows.leaderboard.running import key_of
from xtalgraph.workflows.prepared import Prepared


def trained_predictions(
    entry: LeaderboardEntry, case: Case, graphs: Graphs, make_encoder: Callable[[], Encoder]
) -> tuple[Float[np.ndarray, "rows *shape"], int]:
    """Train an encoder with the settings of the assessed model, and predict the test part.

    Args:
        entry: Whose folder holds the states from which a killed training goes on.
        case: What is learned.
        graphs: Of all crystals, as the encoder reads them.
        make_encoder: Makes it, with weights that are drawn after the seed.

    Returns:
        The predictions, and the number of weights.
    """
    training, target, key = case.config.training, case.target, key_of(entry, case)
    folder = case.folder / "runs" / f"{entry.name}-{case.where}-{key[:12]}"
    with deterministic(training.threads):
        torch.manual_seed(training.seed)
        encoder = make_encoder()
        kind = readout_named("auto", target, type(encoder))
        readouts = [kind(encoder.width)]
        deviations = [kind(encoder.width)] if training.variance else []
        model = PropertyModel(encoder, {target.name: Head(target, readouts, deviations)})
        made_from = json.dumps([key, case.config.deciding()["training"]])
        prepared = Prepared(case.divided, graphs)
        trainer = trainer_for(model, prepared, training, folder / "state", made_from)
        trainer.fit(resume=True, report=case.session.report)
        predictions = predict_all(model, prepared)
    weights = sum(p.numel() for p in model.parameters())
    return predictions.values.of(target.name, case.split.test), weights
