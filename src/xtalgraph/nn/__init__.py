"""F3: radial bases, envelopes, element embeddings, pooling."""
