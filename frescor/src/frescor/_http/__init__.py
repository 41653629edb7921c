"""Whole responses, whatever the framework: what tells requests apart, which responses may be stored, what is sent.

Imports `_calls` and `errors`. Knows no framework: headers are pairs of text, a request is what a framework's own part
of Frescor says of it.
"""
