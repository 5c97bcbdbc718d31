"""The ledger's migrations, in their order."""
