"""The settings of a generator."""

import subprocess
import sys

import pytest

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.models.generation.generator_settings import GeneratorConfig

NAMES = """
import sys
from xtalgraph.workflows.setting_names import SECTIONS
print(*sorted({"torch", "scipy", "ase"} & set(sys.modules)), "generator" in SECTIONS)
"""


@pytest.mark.parametrize("settings", [{"atom_width": 0}, {"passes": 65}, {"waves": 0}], ids=str)
def test_a_setting_out_of_its_range_is_named(settings):
    with pytest.raises(ConfigError, match=rf"generator\.{next(iter(settings))}"):
        GeneratorConfig(**settings)


def test_settings_are_named_without_a_library_of_numbers():
    command = [sys.executable, "-c", NAMES]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"]
