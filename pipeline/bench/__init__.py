"""Benchmarks: contenders that do the same job, measured in turn, and goals that are met or not.

A `Scenario` describes what is measured; `measure` runs it and returns what was found as JSON; tables, plots
and verdicts are made from that JSON alone. Nothing heavy is imported here: contenders of other
environments, which may have nothing but Python, start from this package too.
"""
