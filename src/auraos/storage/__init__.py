"""Storage: the engine's ports on real databases."""
