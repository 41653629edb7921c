"""Connections to a server, their deadlines, and the breaker, which keeps callers away from a server that is down.

Imports the modules beside these folders.
"""
