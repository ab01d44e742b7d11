"""Potentials that are linear in their coefficients: functions of the positions, and fits."""
