"""The book: its ledger, its notebooks, its site."""
