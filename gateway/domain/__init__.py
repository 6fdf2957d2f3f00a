"""The rules of the trade, in the standard library alone: no I/O, no clock, no framework."""
