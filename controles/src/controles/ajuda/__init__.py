"""Help: one page for each area, and the terms that pages explain where they use them."""
