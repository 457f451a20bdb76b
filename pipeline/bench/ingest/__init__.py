"""Scenario `ingest`: a session of NSD from far away, as near to the line's limit as it gets."""
