"""One use case a file; services own the transactions."""
