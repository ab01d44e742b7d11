"""Learn properties of crystals from their periodic graphs, with the evidence beside the number."""
