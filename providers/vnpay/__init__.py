"""VNPAY 2.1.0: cards, accounts and wallets of Vietnamese banks behind one redirect."""
