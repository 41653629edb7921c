"""The BR Code of a PIX: what a bank's application reads from a QR code or a copied text."""
