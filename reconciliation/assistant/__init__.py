"""The assistant: what probably caused a discrepancy, with the facts for and against. It proposes and never posts."""
