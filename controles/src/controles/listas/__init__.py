"""A whole filtered list: all its rows, for printing or as a file, under a heading that describes it."""
