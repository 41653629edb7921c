"""What one transaction has changed so far, how old its snapshot is, and which thread or task it belongs to.

Imports `_statements` and the layers below it.
"""
