"""Membership cards: a code that proves to a stranger that its holder is a member, without naming anybody."""
