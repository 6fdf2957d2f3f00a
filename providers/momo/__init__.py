"""MoMo: Vietnam's largest wallet. The payer is sent to MoMo's page and confirms in its app."""
