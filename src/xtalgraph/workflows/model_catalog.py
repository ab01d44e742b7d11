"""Models by name: which there are, what is known of each, and how somebody else's is added."""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from xtalgraph.conventions.errors import ConfigError, RunError, XtalgraphError
from xtalgraph.conventions.files import file_errors, make_folder
from xtalgraph.conventions.logs import log
from xtalgraph.conventions.settings import checks_arguments
from xtalgraph.data.cache import models_folder
from xtalgraph.evidence.model_card import GeneratorCard, ModelCard, read_card, read_generator_card
from xtalgraph.models.generation.generator import is_generator
from xtalgraph.models.manifest import check_manifest
from xtalgraph.models.named_models import NAME, SHIPPED, named_models, run_folder
from xtalgraph.models.predictor import Predictor
from xtalgraph.models.received_run import receive_run


@dataclass(frozen=True)
class Added:
    """A model that was added."""

    card: ModelCard
    """What is known of it."""
    left: tuple[str, ...]
    """Files that were not taken: pages, pictures, the state of the training."""


def list_models() -> list[ModelCard]:
    """Return the card of every model that has a name: of the package, then added ones.

    A warning names those whose folder is damaged.
    """
    cards = []
    for name, folder in named_models().items():
        try:
            cards.append(read_card(name, folder))
        except XtalgraphError as error:
            log.warning("%s is left out: %s. Remove %s, and add it again", name, error, folder)
    return cards


@checks_arguments
def model_info(name: str | Path) -> ModelCard | GeneratorCard:
    """Return what is known of a model.

    Args:
        name: Of the model; or a run folder.

    Raises:
        RunError: If there is no such model, or it is damaged.
    """
    folder = run_folder(name)
    if is_generator(folder):
        return read_generator_card(folder.name, folder)
    return read_card(folder.name, folder)


@checks_arguments
def add_model(source: str | Path, *, name: str | None = None) -> Added:
    """Add a run of somebody else, so that every verb takes it by its name.

    The run is not trusted. Of a folder or archive only weights, JSON, YAML and tables are taken,
    by their names; they must be those that the manifest of the run lists, byte by byte. Nothing of
    it is executed: weights are safetensors.

    Args:
        source: A run folder, or a .zip, .tar or .tar.gz that holds the run.
        name: Of the model; by default that of the folder or archive.

    Returns:
        What is known of it.

    Raises:
        ConfigError: If the name cannot be, or there is such a model already.
        InputError: If the source is no folder or archive, or holds what no run holds.
        RunError: If it is no run, has no manifest, or is not as its training left it.
        FileError: If it cannot be read, or not be written.
    """
    path = Path(source)
    chosen = _checked(_name_of(path) if name is None else name)
    home = models_folder()
    make_folder(home)
    with file_errors(home), tempfile.TemporaryDirectory(prefix=".adding-", dir=home) as scratch:
        into = Path(scratch) / "received"
        into.mkdir()
        unpacked, left = receive_run(path, into)
        _check(path, unpacked, chosen)
        unpacked.rename(home / chosen)
    return Added(read_card(chosen, home / chosen), tuple(left))


def _check(path: Path, unpacked: Path, name: str) -> None:
    """Raise a `RunError` that names the source if what was taken of it cannot be used as a run."""
    try:
        if not (unpacked / "model.json").is_file():
            raise RunError(
                f"{path} holds no run: there must be a model.json, at its top or in its only folder"
            )
        if is_generator(unpacked):
            raise RunError(
                f"{path} holds a generator, which draws crystals by `xtalgraph generate`: only "
                "models that predict have names, so give its folder"
            )
        if check_manifest(unpacked, evidence=True) is None:
            raise RunError(
                f"{path} is a run of an xtalgraph that wrote no manifest, so that nobody can tell "
                "whether its files belong together: train it again"
            )
        Predictor.load(unpacked)
        read_card(name, unpacked)
    except RunError as error:
        raise RunError(str(error).replace(str(unpacked), str(path))) from error


def _name_of(source: Path) -> str:
    """Make a name of that of a folder or archive."""
    stem = re.sub(r"\.(zip|tar|tgz|tar\.gz)$", "", source.resolve().name)
    return re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")[:60]


def _checked(name: str) -> str:
    """Return a name that a model can have."""
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"a model must have a name of small letters, digits and hyphens, at most 60, got "
            f"{name!r}: give another with --name"
        )
    there = named_models().get(name)
    if there is not None:
        of = "comes with the package" if there.parent == SHIPPED else f"is in {there} already"
        advice = "" if there.parent == SHIPPED else ", or remove that folder"
        raise ConfigError(f"a model {name!r} {of}: give another --name{advice}")
    return name
