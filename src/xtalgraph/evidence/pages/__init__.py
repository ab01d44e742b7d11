"""Pages: HTML files that open anywhere, each from the numbers of a run."""
