"""Connections to a server, their deadlines, and the breaker that keeps callers from one that does not answer.

Imports the modules beside these folders.
"""
