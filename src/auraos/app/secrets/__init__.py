"""Secrets, and the seal over what private runs tell, put together on a store."""
