"""The audit trail: written, told, and checked without a server."""
