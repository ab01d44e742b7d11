"""Loss and model selection: a term for each target."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.settings import nearest
from xtalgraph.data.reported_units import ReportedUnits, reported_units
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.graph import Graph, Scope
from xtalgraph.models.model import ByTarget, Output
from xtalgraph.nn.segments import segment_sum
from xtalgraph.training.examples import Examples, Labels
from xtalgraph.training.settings import TrainingConfig
from xtalgraph.training.term import Term


@dataclass(frozen=True)
class Objective:
    """Loss and validation error of one target or of several.

    The loss is the mean over all known labels, each as often as its weight says. The validation
    error is the mean absolute error, or the log loss of a class; of several targets it is the mean
    of these, in units of their scales. A target without a known label there is left out.

    A potential has hundreds of forces for one energy. There the loss is the mean of the terms, each
    the mean over its own labels, weighted; energies are compared per atom, and the validation error
    is the mean of the absolute errors in the same weights and units.
    """

    terms: tuple[Term, ...]
    """One for each target."""

    @property
    def of_potential(self) -> bool:
        """Whether a target is a derivative of another."""
        return any(term.target.derivative is not None for term in self.terms)

    @classmethod
    def of(
        cls, targets: Sequence[Target], config: TrainingConfig, final: bool = True
    ) -> "Objective":
        """Return the objective of a training.

        Args:
            targets: What is learned.
            config: Hyper-parameters.
            final: Whether at its end, and to select the checkpoint; else before.

        Raises:
            ConfigError: If there is a weight of something else, or errors of numbers are to be
                relative.
        """
        weights = config.weights_of(final)
        names = [target.name for target in targets]
        for setting in ("weights", "final_weights"):
            for name in getattr(config, setting) or {}:
                if name not in names:
                    raise ConfigError(
                        f"training.{setting} has one of {name!r}, which is no target of the run"
                        f"{nearest(name, names)}"
                    )
        if config.relative and not any(target.is_tensor for target in targets):
            raise ConfigError(
                "training.relative compares the error of a tensor with its norm, and no target is "
                "a tensor: leave it out"
            )
        per_atom = config.per_atom or any(target.derivative is not None for target in targets)
        return cls(
            tuple(
                Term(
                    target,
                    config.loss,
                    weights.get(target.name, 1.0),
                    per_atom and target.kind is Kind.EXTENSIVE,
                    config.relative and target.is_tensor,
                )
                for target in targets
            )
        )

    @property
    def measure(self) -> str:
        """What the validation error is, in words."""
        return self.terms[0].measure if self._is_one_number else "error"

    @property
    def column(self) -> str:
        """Its column in ``log.csv``."""
        return _column(self.measure)

    @property
    def reported(self) -> dict[str, ReportedUnits]:
        """How the errors of a potential are shown, by target; empty of everything else."""
        return reported_units([term.target for term in self.terms])

    @property
    def columns(self) -> dict[str, str]:
        """The column in ``log.csv`` of each of several targets; that of a potential has a unit."""
        units = {name: f" ({shown.error})" for name, shown in self.reported.items()}
        names = {term.target.name: _column(term.measure) for term in self.terms}
        return {name: f"{column}:{name}{units.get(name, '')}" for name, column in names.items()}

    def shown(self, row: Mapping[str, Any]) -> str:
        """Return the validation error in a row of ``log.csv``, in words after a comma.

        Of a potential it is that of each target; it is empty where none was measured.
        """
        if row.get(self.column) is None:
            return ""
        columns = self.columns
        errors = [
            f"{row[columns[name]]:.3g} {units.error}"
            for name, units in self.reported.items()
            if columns[name] in row
        ]
        if errors:
            return f", validation MAE {', '.join(errors)}"
        return f", validation {self.measure} {row[self.column]:.4g}"

    @property
    def _is_one_number(self) -> bool:
        """Whether each row has one error."""
        target = self.terms[0].target
        return len(self.terms) == 1 and (target.tensor.is_scalar or target.is_tensor)

    def scales(
        self, labels: Mapping[str, Labels], start: ByTarget, num_atoms: Float[Tensor, " crystals"]
    ) -> dict[str, Tensor]:
        """Return the units of the loss."""
        scales = {}
        for term in self.terms:
            name = term.target.name
            truth, guess = labels[name].values, start[name]
            if term.per_atom:
                size = _rows_of(num_atoms, truth)
                truth, guess = truth / size, guess / size
            scales[name] = term.scale(truth, guess)
        return scales

    def sums(
        self,
        output: Output,
        batch: Examples[Graph],
        scales: Mapping[str, Tensor],
    ) -> dict[str, tuple[Float[Tensor, ""], Int[Tensor, ""]]]:
        """Return the sum of each term over the known labels of a batch, and how many these are.

        Sums and numbers of the parts of a batch add up to those of the whole. They are computed in
        the precision of the labels, float64.

        Args:
            output: Of the batch; rows after the last label are padding.
            batch: What is to be learned.
            scales: The units of the loss.
        """
        sums = {}
        num_atoms = atoms_of(batch.graph) if any(term.per_atom for term in self.terms) else None
        for term in self.terms:
            name = term.target.name
            truth = batch.labels[name].values
            value = output.values[name][: truth.shape[0]].to(truth.dtype)
            deviation = output.deviations.get(name)
            if deviation is not None:
                deviation = deviation[: truth.shape[0]].to(truth.dtype)
            scale = scales[name]
            if num_atoms is not None and term.per_atom:
                scale = scale * _rows_of(num_atoms, truth)
            sums[name] = term.sums(value, deviation, truth, scale)
        return sums

    @property
    def weights(self) -> Float[Tensor, " terms"]:
        """The weights of the terms."""
        return torch.tensor([term.weight for term in self.terms], dtype=torch.float64)

    def mean(
        self, sums: Mapping[str, tuple[Tensor, Tensor]], weights: Tensor | None = None
    ) -> Float[Tensor, ""]:
        """Return the loss, the weighted mean over all labels.

        Args:
            sums: What `sums` returned, added up.
            weights: Of the terms; None for theirs.
        """
        given: Iterable[Any] = (term.weight for term in self.terms) if weights is None else weights
        pairs = zip(given, self.terms, strict=True)
        terms = [(weight, *sums[term.target.name]) for weight, term in pairs]
        if self.of_potential:
            means = [weight * losses / count.clamp(min=1) for weight, losses, count in terms]
            return torch.stack(means).sum() / sum(weight for weight, _, _ in terms)
        total = torch.stack([weight * losses for weight, losses, _ in terms]).sum()
        return total / torch.stack([weight * count.double() for weight, _, count in terms]).sum()

    def errors(
        self,
        values: ByTarget,
        labels: Mapping[str, Labels],
        scales: Mapping[str, Tensor],
        crystal_of_atom: Int[Tensor, " atoms"],
    ) -> Float[Tensor, " rows"]:
        """Return what each row adds to the validation error, which is their mean.

        Of one number it is the error of the row. Of several, those of which few labels are known
        weigh as much as the others. Rows are crystals, or atoms where all targets are atomic.

        Args:
            values: What the model computed, in the precision of the labels.
            labels: What is true.
            scales: The units in which the errors of several are averaged.
            crystal_of_atom: The crystal of each atom.
        """
        columns: list[tuple[Tensor, Scope, float]] = []
        for term in self.terms:
            name = term.target.name
            errors = self._errors(term, values[name], labels[name].values, crystal_of_atom)
            if self._is_one_number:
                return errors
            scaled = (errors / scales[name]).reshape(len(errors), -1)
            weight = term.weight / scaled.shape[1] if self.of_potential else 1.0
            columns += [(column, labels[name].scope, weight) for column in scaled.T]
        by_crystal = any(scope is Scope.CRYSTAL for _, scope, _ in columns)
        shares, measured = [], 0.0
        for column, scope, weight in columns:
            known = ~column.isnan()
            share = weight * column.nan_to_num(0.0) * known / known.sum().clamp(min=1)
            if by_crystal and scope is Scope.ATOM:
                count = int(crystal_of_atom[-1]) + 1
                share = share.new_zeros(count).index_add(0, crystal_of_atom, share)
            shares.append(share)
            measured += weight * bool(known.any())
        total = torch.stack(shares, dim=1).sum(dim=1)
        return total * len(total) / measured

    def _errors(
        self,
        term: Term,
        value: Float[Tensor, "rows *shape"],
        labels: Float[Tensor, "rows *shape"],
        crystal_of_atom: Int[Tensor, " atoms"],
    ) -> Float[Tensor, "rows ..."]:
        """Return the errors of a target in its unit, those of a potential's energy per atom."""
        errors = term.errors(value, labels)
        if self.of_potential and term.per_atom:
            errors = errors / crystal_of_atom.bincount(minlength=len(errors))
        return errors

    def means(
        self,
        values: ByTarget,
        labels: Mapping[str, Labels],
        crystal_of_atom: Int[Tensor, " atoms"],
    ) -> dict[str, float]:
        """Return the validation error of each of several targets, in its own unit.

        Those of a potential are in meV/atom, meV/Å and GPa, which the column says.

        Args:
            values: What the model computed, in the precision of the labels.
            labels: What is true.
            crystal_of_atom: The crystal of each atom.

        Returns:
            By column in ``log.csv``; empty of one target.
        """
        if self._is_one_number:
            return {}
        means, columns, units = {}, self.columns, self.reported
        for term in self.terms:
            name = term.target.name
            errors = self._errors(term, values[name], labels[name].values, crystal_of_atom)
            factor = units[name].error_factor if units else 1.0
            means[columns[name]] = factor * float(errors.nanmean())
        return means


def _column(measure: str) -> str:
    return f"val_{measure.lower().replace(' ', '_')}"


def atoms_of(graph: Graph) -> Float[Tensor, " crystals"]:
    """Return the number of atoms of each crystal, as they count in a total."""
    return segment_sum(graph.atom_count.double(), graph.crystal_of_atom, graph.num_atoms.shape[0])


def _rows_of(num_atoms: Float[Tensor, " crystals"], values: Tensor) -> Float[Tensor, "rows *one"]:
    """Return the number of atoms of each row of a total, so that it divides the values."""
    return num_atoms[: values.shape[0]].reshape(-1, *[1] * (values.ndim - 1))
