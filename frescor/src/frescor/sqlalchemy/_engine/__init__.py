"""A tracked engine: where SQLAlchemy calls Frescor, the engine's driver, and the identity of its database.

Imports none of the other folders except `_private`.
"""
