"""Slips in the four papers: ``errata.yml`` says what is printed and what is right, a check here shows it."""
