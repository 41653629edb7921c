"""Closing months: nothing dated in a closed month can be written any more, and its report stays the same.

`closed_months` is the check for every service that writes something dated.
"""
