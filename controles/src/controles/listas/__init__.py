"""A filtered list as a whole: every row of it, on paper or in a file, under a heading that says what it is."""
