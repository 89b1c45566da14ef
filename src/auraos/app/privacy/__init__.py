"""What there is about persons: found, handed out, erased, held for the law."""
