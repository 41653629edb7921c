"""What a database says of itself: views, triggers, foreign keys, and what a statement comes to with them.

Imports `_transactions` and what is below.
"""
