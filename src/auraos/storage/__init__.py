"""Stores: they implement the engine's ports on real databases and disks, and are known to `app` alone."""
