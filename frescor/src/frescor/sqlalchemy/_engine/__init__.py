"""An engine as Frescor meets it: where SQLAlchemy calls, its driver, and which database it leads to.

Imports nothing of the other rooms.
"""
