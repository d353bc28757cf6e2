"""Faults done to a whole system, one at a time, under load: ``make faults``, ``make overload``."""
