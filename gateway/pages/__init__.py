"""What payers see."""
