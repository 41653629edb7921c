"""The outbox, in which a commit records what it invalidates, and the relay, which applies what others left there.

Imports `_statements` and `_engine`.
"""
