"""Who owes what: the list of arrears with its bands, and everybody's twelve months. Only reads."""
