"""Documents as texts: edits by splices that touch only what they mean, differences in words, merges by step."""
