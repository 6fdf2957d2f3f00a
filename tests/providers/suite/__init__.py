"""The parts of the conformance suite, one a file."""
