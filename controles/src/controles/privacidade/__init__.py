"""The rights that the LGPD gives: a copy of a person's data, anonymising, the register of requests, and retention."""
