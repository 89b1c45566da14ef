"""Settings and flags of a process, put together on its store."""
