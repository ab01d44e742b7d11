"""The exceptions that cross the boundary of the library."""


class XtalgraphError(Exception):
    """Base of every error that xtalgraph raises on purpose."""


class InputError(XtalgraphError):
    """A file, row or crystal cannot be used; the message says which, why, and what to do."""


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
