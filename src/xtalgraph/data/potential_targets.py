"""Energy, forces and stress: how they are declared, and by which names files have them."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from xtalgraph.data.targets import Derivative, Kind, Target

Role = Literal["energy", "forces", "stress"]
"""What a label of a potential is."""

_PREFIXES: Final = ("", "ref_", "dft_", "mace_", "vasp_", "qm_", "true_")
_ROOTS: Final[Mapping[Role, tuple[str, ...]]] = {
    "energy": (
        *("energy", "free_energy", "total_energy", "energy_total", "potential_energy", "toten"),
        *("e_total", "etot"),
    ),
    "forces": ("forces", "force", "atomic_forces", "frc"),
    "stress": ("stress", "stresses", "virial", "virials"),
}
SPELLINGS: Final[Mapping[Role, tuple[str, ...]]] = {
    role: tuple(prefix + root for prefix in _PREFIXES for root in roots)
    for role, roots in _ROOTS.items()
}
"""The names under which files have each label, in lower case; the first one that is there is
taken."""


def role_of(name: str) -> Role | None:
    """Return what a label of a name is; None if the name is none of `SPELLINGS`.

    >>> role_of("REF_forces"), role_of("band_gap")
    ('forces', None)
    """
    roles = [role for role, names in SPELLINGS.items() if name.lower() in names]
    return roles[0] if roles else None


def energy_target(name: str = "energy") -> Target:
    """Return the declaration of an energy: a total of the cell, in eV."""
    return Target(name, Kind.EXTENSIVE, "eV")


def forces_target(of: str = "energy", name: str = "forces") -> Target:
    """Return the declaration of forces, −∂E/∂r, in eV/Å."""
    return Target.derived(name, "eV/Å", Derivative(of, "position"))


def stress_target(of: str = "energy", name: str = "stress") -> Target:
    """Return the declaration of a stress, ∂E/∂ε over the volume, in eV/Å³, positive in tension."""
    return Target.derived(name, "eV/Å³", Derivative(of, "strain"))


def potential_targets(names: Sequence[str]) -> tuple[Target, ...] | None:
    """Return the declarations of the labels of a potential, if the names are those of one.

    Args:
        names: Of targets. One energy with forces, a stress or both makes a potential.

    Returns:
        None if the names are not those of a potential: an energy alone is a property like others.

    >>> [str(one.kind) for one in potential_targets(["energy", "forces"])]
    ['extensive', 'atomic']
    """
    roles = [role_of(name) for name in names]
    if None in roles or sorted(map(str, roles)) not in (
        ["energy", "forces"],
        ["energy", "stress"],
        ["energy", "forces", "stress"],
    ):
        return None
    energy = names[roles.index("energy")]
    made = {
        "energy": energy_target,
        "forces": lambda name: forces_target(energy, name),
        "stress": lambda name: stress_target(energy, name),
    }
    return tuple(made[str(role)](name) for role, name in zip(roles, names, strict=True))
