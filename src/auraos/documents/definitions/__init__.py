"""Definitions as a team keeps them: drafts that anybody may still change, published versions that nobody changes any more."""
