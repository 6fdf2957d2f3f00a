"""Stripe: hosted Checkout Sessions, signed webhooks, refunds, disputes, and balance transactions per payout."""
