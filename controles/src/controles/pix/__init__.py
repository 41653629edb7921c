"""The BR Code of a PIX, which a bank's app reads from a QR code or a copied text."""
