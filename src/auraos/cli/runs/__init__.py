"""`auraos runs`: look at runs, answer them, lead them on."""
