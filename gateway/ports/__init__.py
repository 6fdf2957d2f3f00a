"""What the gateway asks of the world outside."""
