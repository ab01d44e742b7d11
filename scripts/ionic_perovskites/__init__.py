"""How the crystals of the embedded data set were drawn: perovskites of ions that fit."""
