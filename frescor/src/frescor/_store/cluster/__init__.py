"""A cluster: the protocol across slots, the cluster's nodes, and the routing of commands to them.

Imports `server`, `connection` and the modules beside these folders.
"""
