"""A cluster: the protocol across slots, its nodes, and commands on their way to them.

Imports `server`, `connection` and the modules beside these folders.
"""
