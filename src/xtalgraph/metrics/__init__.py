"""F3: errors, ranks, recall, intervals: arrays in, numbers out."""
