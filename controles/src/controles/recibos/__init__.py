"""Receipts of payments: numbered without gaps, issued once, the same at every printing; cancelled, never deleted."""
