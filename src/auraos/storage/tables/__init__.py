"""The tables of what people keep and change: definitions, people, secrets, audit. Both databases are spoken to in the same
words; `sqlite/tables.py` and `postgres/tables.py` carry them out.
"""
