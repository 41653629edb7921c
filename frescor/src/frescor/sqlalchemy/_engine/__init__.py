"""A tracked engine: where SQLAlchemy calls Frescor, the engine's driver, and which database it leads to.

Imports nothing of the other rooms.
"""
