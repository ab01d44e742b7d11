"""How many files of a collection are read, and why the others are not.

Run it on a folder of crystal files of any kind: `python benchmarks/readable.py folder`. Each block,
frame and row counts. Reasons are grouped by their words, without names and numbers. For files of
the CIF family the atoms are counted against gemmi's `SmallStructure`, which knows the core
dictionary; where they differ, the file is named.
"""

import argparse
import re
from collections import Counter
from pathlib import Path

import gemmi

from xtalgraph.crystals.checks import find_problem
from xtalgraph.crystals.entry import Entry
from xtalgraph.crystals.reading import format_of, read_file

WORDS = 8


def kind_of(reason: str) -> str:
    """Return the first words of a reason, without quotes, brackets and numbers."""
    plain = re.sub(r"'[^']*'|\"[^\"]*\"|\([^)]*\)|[-\d.]*\d+\S*", "…", reason)
    if plain.startswith("the atoms of the cell make"):
        return "the atoms are not those of the declared formula or Z"
    if plain.startswith(("partial occupancy", "disorder")):
        return plain.partition(":")[0]
    if plain.startswith("_atom_site_attached_hydrogens"):
        return "hydrogens without coordinates"
    return " ".join(plain.split()[:WORDS])


def atoms_of_gemmi(path: Path) -> int | None:
    """Return how many atoms gemmi finds in the only block of a CIF that has some, if it does."""
    try:
        document = gemmi.cif.read_file(str(path), check_level=0)
        found = [gemmi.make_small_structure_from_block(block) for block in document]
    except (ValueError, RuntimeError):
        return None
    with_sites = [structure for structure in found if len(structure.sites)]
    return len(with_sites[0].get_all_unit_cell_sites()) if len(with_sites) == 1 else None


def compare_with_gemmi(path: Path, entries: list[Entry]) -> str:
    """Return whether gemmi finds as many atoms: same, different or alone."""
    atoms = atoms_of_gemmi(path)
    if atoms is None or len(entries) != 1 or entries[0].crystal is None:
        return "alone"
    if atoms == len(entries[0].crystal):
        return "same"
    print(f"  {path}: {len(entries[0].crystal)} atoms, {atoms} by gemmi")
    return "different"


def main() -> None:
    """Count what is read."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    read, beside = 0, Counter[str]()
    reasons: Counter[str] = Counter()
    for path in sorted(arguments.parse_args().folder.rglob("*")):
        if not path.is_file() or format_of(path) is None:
            continue
        entries = list(read_file(path))
        good = [e for e in entries if e.crystal is not None and find_problem(e.crystal) is None]
        read += len(good)
        for entry in entries:
            problem = entry.reason or (entry.crystal and find_problem(entry.crystal))
            if problem:
                reasons[kind_of(problem)] += 1
        if format_of(path) == "cif" and good:
            beside[compare_with_gemmi(path, entries)] += 1
    print(f"{read} read, {reasons.total()} refused")
    if beside:
        print(f"atoms as many as gemmi finds: {beside['same']}, others: {beside['different']}")
    for reason, count in reasons.most_common():
        print(f"{count:6d}  {reason}")


if __name__ == "__main__":
    main()
