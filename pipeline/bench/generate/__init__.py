"""Scenario `generate`: encoding, painting and training beside bare loops, and painting by two workers."""
