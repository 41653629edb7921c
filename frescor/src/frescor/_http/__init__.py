"""Whole responses, for any framework: what distinguishes requests, which responses may be stored, and what is sent.

Imports `_calls`, `_clocks` and `errors`. Knows no framework: headers are pairs of text, and each framework's own part
of Frescor describes the request.
"""
