"""How one learns it: notebook modules, practice widgets."""
