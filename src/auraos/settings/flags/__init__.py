"""Feature flags: what they are, whom they give which variant, and why."""
