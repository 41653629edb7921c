"""Copies of entries in this process, and the listener that drops them when the server reports a change.

Imports `_store` and what is below.
"""
