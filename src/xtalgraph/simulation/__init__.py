"""F6: what a potential is used for: the ASE calculator, and neighbours kept over many steps."""
