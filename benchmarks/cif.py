"""Reading CIF text: gemmi alone, xtalgraph (gemmi, symmetry, checks) and pymatgen, same texts.

Run it on a quiet machine: `python benchmarks/cif.py`. The texts are 200 crystals of the embedded
set, 5 to 40 atoms in P 1. The readers take turns, and the median of the turns is printed. With a
table as argument (`python benchmarks/cif.py table.csv.gz`) its column `cif` is read instead.
"""

import argparse
import importlib.util
import statistics
import time
import warnings
from collections.abc import Callable

import pandas as pd
from gemmi import cif as gemmi_cif

from xtalgraph.crystals.checks import find_problem
from xtalgraph.crystals.cif import read_cif
from xtalgraph.crystals.writing import to_cif
from xtalgraph.data.ionic.load import ionic_perovskites
from xtalgraph.data.table import read_rows

TEXTS = 200
TURNS = 5


def texts_of(table: str | None) -> list[str]:
    """CIF texts of a table, or of the embedded set."""
    if table is not None:
        return pd.read_csv(table, nrows=TEXTS)["cif"].tolist()
    rows = read_rows(ionic_perovskites(TEXTS))
    return [to_cif(row.crystal) for row in rows if row.crystal is not None]


def with_xtalgraph(text: str) -> None:
    """Read a text and check its crystals, as every row of a source is."""
    for entry in read_cif(text):
        assert entry.crystal is not None, entry.reason
        assert find_problem(entry.crystal) is None


def readers() -> dict[str, Callable[[str], object]]:
    """Every reader that is installed."""
    found: dict[str, Callable[[str], object]] = {
        "gemmi, text to items only": gemmi_cif.read_string,
        "xtalgraph, crystal": read_cif,
        "xtalgraph, checked": with_xtalgraph,
    }
    if importlib.util.find_spec("pymatgen") is None:
        print("pymatgen is not installed and left out: pip install pymatgen-core")
    else:
        from pymatgen.core import Structure

        found["pymatgen, Structure"] = lambda text: Structure.from_str(text, fmt="cif")
    return found


def main() -> None:
    """Let the readers take turns."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("table", nargs="?", help="CSV with a column cif")
    texts = texts_of(arguments.parse_args().table)
    print(f"{len(texts)} CIF texts, mean {sum(map(len, texts)) / len(texts):.0f} characters:")
    read_by = readers()
    times: dict[str, list[float]] = {name: [] for name in read_by}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pymatgen says of every file that it rounds
        for _ in range(TURNS):
            for name, read in read_by.items():
                began = time.perf_counter()
                for text in texts:
                    read(text)
                times[name].append((time.perf_counter() - began) / len(texts))
    for name, found in times.items():
        print(f"  {name:28s}{1e3 * statistics.median(found):9.3f} ms a file")


if __name__ == "__main__":
    main()
