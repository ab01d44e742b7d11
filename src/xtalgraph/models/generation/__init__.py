"""Models that draw crystals: the state that flows, the network, and a trained generator."""
