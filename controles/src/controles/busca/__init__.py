"""One box for everything: people by whatever is known of them, payments by number, code or amount, and receipts."""
