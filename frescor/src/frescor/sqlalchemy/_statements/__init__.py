"""What a statement reads and writes: by its structure, by its text, and the tags of tables and rows.

Imports nothing of the other rooms.
"""
