"""Receipts of payments: numbered without gaps, issued once, the same each time they are printed; cancelled, never
deleted."""
