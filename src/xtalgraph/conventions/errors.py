"""The exceptions that cross the boundary of the library."""

WAYS_OUT = (
    "--disorder mix reads a site as the mixture of its species, --disorder order takes the most "
    "probable ordering, of models that have a target; see docs/disorder.md"
)
"""What can be done about disordered sites."""


class XtalgraphError(Exception):
    """Base of every error that xtalgraph raises on purpose."""


class InputError(XtalgraphError):
    """A file, row or crystal cannot be used; the message says which, why, and what to do."""


class DisorderError(InputError):
    """A crystal has sites of several species, or empty in part, where one atom a site is needed."""

    def __init__(self, sites: str) -> None:
        super().__init__(
            f"{sites}; this step reads one atom on each site and no mixtures: order the crystals "
            "(--disorder order), or leave it out; see docs/disorder.md"
        )


class ConfigError(XtalgraphError):
    """A setting is unknown, out of range, or contradicts another."""


class TargetError(XtalgraphError):
    """What is asked of a model does not fit the declared kind of its target."""


class GraphError(XtalgraphError):
    """A graph cannot be built, or two graphs cannot be put together."""


class RunError(XtalgraphError):
    """A run folder is missing, incomplete, damaged, or belongs to another configuration."""


class StoreError(XtalgraphError):
    """A store of graphs is missing or damaged, or was made from something else."""


class FileError(XtalgraphError):
    """The file system refuses to read or write; the message names the path and what to do."""


class DownloadError(XtalgraphError):
    """A data set could not be fetched, or is not what it should be."""


class MissingExtraError(XtalgraphError):
    """An optional dependency is not installed; the message names the extra that brings it."""
