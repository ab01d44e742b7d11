"""The data sets that can be had by name: the 13 Matbench v0.1 tasks and the embedded one."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.settings import nearest

_PROJECTS: Final = "https://ml.materialsproject.org/projects"


@dataclass(frozen=True)
class KnownDataset:
    """What is known about a data set before it is opened."""

    name: str
    """Name by which it is fetched, e.g. ``matbench_perovskites``."""
    url: str | None
    """Where the file is; None for a data set that is computed on the spot."""
    sha256: str | None
    """Checksum of the file as published; None for a data set that is computed."""
    target: str
    """Column of the quantity to predict."""
    unit: str
    """Unit of the target, ``dimensionless`` where it has none."""
    kind: Literal["extensive", "intensive"]
    """Whether the target is a total of the cell. eV/atom is intensive."""
    best: Literal["low", "high"] | None
    """Which end of the target a search looks for; None where neither is better."""
    task: Literal["regression", "classification"]
    """Whether the target is a number or a class (0 or 1)."""
    num_rows: int
    """Number of rows."""
    input: Literal["structure", "composition"]
    """What a row describes: a crystal, or only its chemical formula."""
    description: str
    """One sentence on what was computed or measured."""
    reference: str
    """Where the numbers come from."""


def _matbench(
    task: str,
    sha256: str,
    target: str,
    unit: str,
    num_rows: int,
    description: str,
    reference: str,
    *,
    kind: Literal["extensive", "intensive"] = "intensive",
    best: Literal["low", "high"] | None = None,
    classes: bool = False,
    formula_only: bool = False,
) -> KnownDataset:
    name = f"matbench_{task}"
    return KnownDataset(
        name=name,
        url=f"{_PROJECTS}/{name}.json.gz",
        sha256=sha256,
        target=target,
        unit=unit,
        kind=kind,
        best=best,
        task="classification" if classes else "regression",
        num_rows=num_rows,
        input="composition" if formula_only else "structure",
        description=description,
        reference=f"{reference}; Matbench: Dunn et al., npj Comput. Mater. 6, 138 (2020)",
    )


_MATERIALS_PROJECT: Final = "Jain et al., APL Mater. 1, 011002 (2013)"
_ELASTICITY: Final = "de Jong et al., Sci. Data 2, 150009 (2015)"
_ZHUO: Final = "Zhuo, Mansouri Tehrani, Brgoch, J. Phys. Chem. Lett. 9, 1668 (2018)"

# Checksums and sizes: matminer 0.10.1, matminer/datasets/dataset_metadata.json.
_DATASETS: Final = (
    KnownDataset(
        name="ionic_perovskites",
        url=None,
        sha256=None,
        target="excess_energy",
        unit="eV/cell",
        kind="extensive",
        best="low",
        task="regression",
        num_rows=2000,
        input="structure",
        description="Energy of perovskites of 5 to 40 atoms over the undistorted crystal of their "
        "mean ions, by a rigid-ion model, computed on this machine. A model's energy, not DFT.",
        reference="xtalgraph, docs/data.md",
    ),
    _matbench(
        "steels",
        "473bc4957b2ea5e6465aef84bc29bb48ac34db27d69ea4ec5f508745c6fae252",
        "yield strength",
        "MPa",
        312,
        "Measured yield strength of steels, from the composition.",
        "Citrine Informatics, citrination.com/datasets/153092",
        best="high",
        formula_only=True,
    ),
    _matbench(
        "jdft2d",
        "26057dc4524e193e32abffb296ce819b58b6e11d1278cae329a2f97817a4eddf",
        "exfoliation_en",
        "meV/atom",
        636,
        "Exfoliation energy of layered crystals (OptB88vdW).",
        "Choudhary et al., Sci. Rep. 7, 5179 (2017)",
        best="low",
    ),
    _matbench(
        "phonons",
        "4db551f21ec5f577e6202725f10e34dfc509aa7df3a6bdaac497da7f6dbbb9b3",
        "last phdos peak",
        "1/cm",
        1265,
        "Frequency of the highest peak of the phonon density of states (DFPT).",
        "Petretto et al., Sci. Data 5, 180065 (2018)",
        best="high",
    ),
    _matbench(
        "expt_gap",
        "783e7d1461eb83b00b2f2942da4b95fda5e58a0d1ae26b581c24cf8a82ca75b2",
        "gap expt",
        "eV",
        4604,
        "Measured band gap, from the composition.",
        _ZHUO,
        formula_only=True,
    ),
    _matbench(
        "dielectric",
        "83befa09bc2ec2f4b6143afc413157827a90e5e2e42c1eb507ccfa01bf26a1d6",
        "n",
        "dimensionless",
        4764,
        "Refractive index (DFPT).",
        "Petousis et al., Sci. Data 4, 160134 (2017)",
        best="high",
    ),
    _matbench(
        "expt_is_metal",
        "8f2a4f9bacdcbc5c2c73615629ee7986f09d39bed40ba7db52b61b2889730887",
        "is_metal",
        "dimensionless",
        4921,
        "Whether a compound is a metal, as measured, from the composition.",
        _ZHUO,
        classes=True,
        formula_only=True,
    ),
    _matbench(
        "glass",
        "36beb654e2a463ee2a6572105bea0ca2961eee7c7b26a25377bff2c3b338e53a",
        "gfa",
        "dimensionless",
        5680,
        "Whether an alloy forms a metallic glass, from the composition.",
        "Kawazoe et al., Landolt-Börnstein III 37A (1997)",
        classes=True,
        formula_only=True,
    ),
    _matbench(
        "log_gvrh",
        "098af941f4c663270f1fe21abf20ffad6fb85ecbfcba5786ceac03983ac29da7",
        "log10(G_VRH)",
        "log10(GPa)",
        10987,
        "Decimal logarithm of the shear modulus, Voigt-Reuss-Hill average (PBE).",
        _ELASTICITY,
        best="high",
    ),
    _matbench(
        "log_kvrh",
        "44b113ddb7e23aa18731a62c74afa7e5aa654199e0db5f951c8248a00955c9cd",
        "log10(K_VRH)",
        "log10(GPa)",
        10987,
        "Decimal logarithm of the bulk modulus, Voigt-Reuss-Hill average (PBE).",
        _ELASTICITY,
        best="high",
    ),
    _matbench(
        "perovskites",
        "4641e2417f8ec8b50096d2230864468dfa08278dc9d257c327f65d0305278483",
        "e_form",
        "eV/cell",
        18928,
        "Heat of formation of the 5-atom perovskite cell (RPBE; oxygen from water vapour).",
        "Castelli et al., Energy Environ. Sci. 5, 5814 and 9034 (2012)",
        kind="extensive",
        best="low",
    ),
    _matbench(
        "mp_gap",
        "58b65746bd88329986ed66031a2ac1369c7c522f7bc9f9081528e07097c2c057",
        "gap pbe",
        "eV",
        106113,
        "Band gap (PBE).",
        _MATERIALS_PROJECT,
    ),
    _matbench(
        "mp_is_metal",
        "9a028ed5750a4c76ca36e9f3c8d48fe0bf3fb21b76ec2289e58ae7048d527919",
        "is_metal",
        "dimensionless",
        106113,
        "Whether a crystal is a metal (PBE).",
        _MATERIALS_PROJECT,
        classes=True,
    ),
    _matbench(
        "mp_e_form",
        "dedcb1d4ba2e3e50dbdd45ba5bc647a00e9c2bcf8f8bf556dc8e92caa39eb21f",
        "e_form",
        "eV/atom",
        132752,
        "Formation energy per atom (PBE, PBE+U).",
        _MATERIALS_PROJECT,
        best="low",
    ),
)

CATALOGUE: Final[Mapping[str, KnownDataset]] = MappingProxyType({d.name: d for d in _DATASETS})
"""Every data set that can be fetched, by name; the embedded one first, then by size."""


def find_dataset(name: str) -> KnownDataset:
    """Look a data set up by its name.

    Args:
        name: One of the names in `CATALOGUE`.

    Returns:
        Its entry in the catalogue.

    Raises:
        ConfigError: There is none of that name; the message names the nearest one.
    """
    if name in CATALOGUE:
        return CATALOGUE[name]
    raise ConfigError(
        f"the name of a data set must be in the catalogue, got {name!r}{nearest(name, CATALOGUE)}"
    )


def known_source(source: Any) -> KnownDataset | None:
    """Return what the catalogue says of a source, by the name of its file.

    Args:
        source: Anything that `read_table` takes, or a name in the catalogue.
    """
    if not isinstance(source, str | Path):
        return None
    return CATALOGUE.get(Path(source).name.split(".")[0])


def resolve_source(source: Any) -> tuple[Any, KnownDataset | None]:
    """Turn the name of a known data set into its file, and know a known file by its name.

    Args:
        source: Anything that `read_table` takes, or a name in the catalogue.

    Returns:
        What to read, and what the catalogue says of it.
    """
    if not isinstance(source, str | Path):
        return source, None
    path, known = Path(source), known_source(source)
    if known is not None and str(source) == known.name and not path.exists():
        from xtalgraph.data.fetch import fetch

        return fetch(known.name), known
    return path, known
