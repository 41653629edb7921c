"""What a statement reads and writes: by its structure, by its text, and the tags of tables and rows.

Imports none of the other folders except `_private`.
"""
