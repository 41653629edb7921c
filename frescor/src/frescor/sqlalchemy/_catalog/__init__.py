"""What a database says about itself: views, triggers, foreign keys, and what they add to a statement.

Imports `_transactions` and the layers below it.
"""
