"""The loss of a training, minimised over parameters in which all predictions are linear."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from xtalgraph.training.objective import Objective
from xtalgraph.training.term import Term

_ROUNDS: Final = 50
"""Most weighted fits."""
_ENOUGH: Final = 1e-4
"""Part of the loss by which a round must lower it for another to follow."""
_SMALLEST: Final = 0.01
"""Part of the mean error of a target; smaller errors have the weight of one of this size."""
_RIDGE: Final = 1e-8
"""Added to the normal matrix of a round, where its diagonal is 1."""
PENALTIES: Final = (0.0, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""What `least_loss_of_folds` chooses from."""


@dataclass(frozen=True, eq=False)
class Rows:
    """One target in some crystals."""

    term: Term
    """Of the loss."""
    value: Float[Tensor, "rows *shape"]
    """What is predicted, in float64."""
    columns: Float[Tensor, "rows *shape columns"]
    """What it changes with each parameter."""
    label: Float[Tensor, "rows *shape"]
    """What is to be learned; NaN where it is missing."""
    unit: Float[Tensor, "..."]
    """Of the loss, for all rows or for each."""

    def at(self, change: Float[Tensor, " columns"]) -> Float[Tensor, "rows *shape"]:
        """Return what is predicted when the parameters have changed."""
        return self.value + self.columns.double() @ change


class Minimum(NamedTuple):
    """Where the loss is least."""

    change: Float[Tensor, " columns"]
    """Of the parameters."""
    before: float
    """Loss without it."""
    after: float
    """Loss with it, which is not larger."""
    curvature: Float[Tensor, " columns"]
    """That of the loss in each parameter without it, in the first round."""


def least_loss(
    objective: Objective,
    rows: Sequence[Rows],
    penalty: float = 0.0,
    near: Minimum | None = None,
) -> Minimum:
    """Minimise a loss by least squares with weights that are repeated from the errors.

    The loss l(e) of an error e has the slope of w e²/2 with w = l'(e)/e, the weight of the next
    round. In a direction that the rows do not determine nothing moves, for the start of each round
    is where the last one ended.

    With a penalty, the sum over parameters of penalty · d c²/2 is added to the loss, where c is
    the change of a parameter, and d the sum of w x² over the first round, x being what a prediction
    changes with the parameter.

    Args:
        objective: Weighs the targets.
        rows: Of each target, in as many parts as is convenient.
        penalty: Of large changes.
        near: Where to begin: the minimum of the same rows with another penalty.

    Source: the weights are those of P. W. Holland, R. E. Welsch, Commun. Stat. 6, 813 (1977), doi
    10.1080/03610927708827533.
    """
    smallest = _smallest_errors(rows)
    change = rows[0].value.new_zeros(rows[0].columns.shape[-1])
    before = loss = penalised = float(_loss(objective, rows, [part.value for part in rows]))
    curvature = torch.zeros_like(change) if near is None else near.curvature
    stiffness = penalty * curvature
    if near is not None:
        change, loss = near.change, near.after
        penalised = loss + _energy(stiffness, change)
    for number in range(_ROUNDS):
        normal, pull = _normal_equations(objective, rows, change, smallest)
        if near is None and number == 0:
            curvature = normal.diagonal().clone()
            stiffness = penalty * curvature
        moved = change + _solved(normal + stiffness.diag(), pull + stiffness * change)
        reached = float(_loss(objective, rows, [part.at(moved) for part in rows]))
        total = reached + _energy(stiffness, moved)
        last = not total < (1 - _ENOUGH) * penalised
        if total < penalised:
            change, loss, penalised = moved, reached, total
        if last:
            break
    return Minimum(change, before, loss, curvature)


def _energy(stiffness: Float[Tensor, " columns"], change: Float[Tensor, " columns"]) -> float:
    """Return what the penalty adds to the loss."""
    return float(stiffness @ change.square()) / 2


def least_loss_of_folds(
    objective: Objective, folds: Sequence[Sequence[Rows]], report: Callable[[str], None]
) -> Minimum:
    """Minimise a loss with the penalty that is best for rows it was not fitted to.

    Of `PENALTIES`, it is that with which the fits to all folds but one predict these best.

    Args:
        objective: Weighs the targets.
        folds: Rows, divided; of a single fold the penalty is the smallest.
        report: Told which fits are made.
    """
    rows = [row for fold in folds for row in fold]
    penalty = PENALTIES[0]
    if len(folds) > 1:
        losses = _losses_of_others(objective, folds, report)
        penalty = min(losses, key=lambda tried: losses[tried])
    return least_loss(objective, rows, penalty)


def _losses_of_others(
    objective: Objective, folds: Sequence[Sequence[Rows]], report: Callable[[str], None]
) -> dict[float, float]:
    """Return for each penalty the loss of all rows, each predicted by a fit to the other folds.

    Each fit begins where that with the penalty before has ended, which is near.
    """
    rows = [row for fold in folds for row in fold]
    values: dict[float, list[Tensor]] = {penalty: [] for penalty in PENALTIES}
    for left_out, fold in enumerate(folds):
        report(f"fits without part {left_out + 1} of {len(folds)}")
        others = [row for k, other in enumerate(folds) if k != left_out for row in other]
        near: Minimum | None = None
        for penalty in PENALTIES:
            near = least_loss(objective, others, penalty, near)
            values[penalty] += [part.at(near.change) for part in fold]
    return {penalty: float(_loss(objective, rows, of)) for penalty, of in values.items()}


def _loss(
    objective: Objective, rows: Sequence[Rows], values: Sequence[Tensor]
) -> Float[Tensor, ""]:
    sums: dict[str, tuple[Tensor, Tensor]] = {}
    for part, value in zip(rows, values, strict=True):
        name = part.term.target.name
        loss, count = part.term.sums(value, None, part.label, part.unit)
        if name in sums:
            loss, count = loss + sums[name][0], count + sums[name][1]
        sums[name] = loss, count
    return objective.mean(sums)


def _smallest_errors(rows: Sequence[Rows]) -> dict[str, float]:
    """Return the error of each target below which weights do not grow."""
    errors: dict[str, list[Tensor]] = {}
    for part in rows:
        error = (part.value - part.label).abs().flatten()
        errors.setdefault(part.term.target.name, []).append(error)
    means = {name: float(torch.cat(parts).nanmean()) for name, parts in errors.items()}
    return {name: max(_SMALLEST * mean, torch.finfo().tiny) for name, mean in means.items()}


def _normal_equations(
    objective: Objective,
    rows: Sequence[Rows],
    change: Float[Tensor, " columns"],
    smallest: dict[str, float],
) -> tuple[Float[Tensor, "columns columns"], Float[Tensor, " columns"]]:
    """Return XᵀWX and XᵀWe with the weights of the present errors."""
    errors, sizes, values = [], [], []
    for part in rows:
        error = (part.at(change) - part.label).nan_to_num(0.0)
        size = error.abs().clamp(min=smallest[part.term.target.name])
        errors.append(error)
        sizes.append(size)
        values.append((part.label.nan_to_num(0.0) + size).requires_grad_())
    slopes = torch.autograd.grad(_loss(objective, rows, values), values)
    normal = change.new_zeros(len(change), len(change))
    pull = torch.zeros_like(change)
    for part, error, size, slope in zip(rows, errors, sizes, slopes, strict=True):
        weight = slope / size
        columns = part.columns.double().reshape(-1, len(change))
        normal += columns.T @ (weight.reshape(-1, 1) * columns)
        pull += columns.T @ (weight * error).reshape(-1)
    return normal, pull


def _solved(
    normal: Float[Tensor, "columns columns"], pull: Float[Tensor, " columns"]
) -> Float[Tensor, " columns"]:
    """Return the further change that is least squares."""
    unit = normal.diagonal().sqrt()
    unit = torch.where(unit > 0, unit, 1.0)
    normal = normal / torch.outer(unit, unit) + _RIDGE * torch.eye(len(unit)).to(normal)
    return torch.linalg.solve(normal, -pull / unit) / unit
