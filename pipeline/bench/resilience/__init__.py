"""Runs that are harmed on purpose, and what becomes of them."""
