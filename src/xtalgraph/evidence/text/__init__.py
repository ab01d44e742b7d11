"""Sentences: numbers in, plain English out. Pages and logs take their words from here."""
