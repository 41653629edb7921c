"""Closing months: nothing dated in a closed month is written any more, and its report stays what it was.

`closed_months` is what every service that writes something dated asks.
"""
