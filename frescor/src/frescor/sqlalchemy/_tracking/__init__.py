"""A tracked engine: each statement told to the load that runs or noted for the commit, which invalidates.

Imports `_outbox` and what is below.
"""
