"""The rungs that a model is compared with, each run on the same split and kept on disk."""
