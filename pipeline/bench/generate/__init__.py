"""Scenario `generate`: painting and training beside bare loops over the same network, and by two workers."""
