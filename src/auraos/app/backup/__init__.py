"""Backups of a data folder or a database, and what is made from one."""
