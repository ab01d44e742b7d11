"""Graphs from and to other libraries, one file for each; a library is imported when it is used."""
