"""One question about a trained model a file: its answer is a number, a threshold and a verdict."""
