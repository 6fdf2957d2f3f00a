"""Example Bank, which does not exist: the worked example of docs/adding-a-provider.md, run by test_example_bank.py."""
