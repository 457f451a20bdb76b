"""The stages: each arranges blocks and names arrays; arithmetic lies in `ridge`, `features`, `metrics`."""
