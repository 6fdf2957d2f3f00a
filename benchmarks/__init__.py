"""Measurements, each against a floor or a peer in the same run. The table is docs/performance.md."""
