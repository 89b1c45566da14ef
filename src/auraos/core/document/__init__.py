"""Documents: YAML text with the place of everything in it, and the envelope that all kinds share."""
