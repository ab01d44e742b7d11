"""The entries that a model is compared with, each run on the same split and kept on disk."""
