"""The outbox, in which a commit keeps what it invalidates, and the relay that applies what others left there.

Imports `_statements` and `_engine`.
"""
