"""Membership cards: a code that proves to a stranger that whoever carries it is a member, and names nobody."""
