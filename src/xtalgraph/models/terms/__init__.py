"""What can be added to the energy of a potential."""
