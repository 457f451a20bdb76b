"""What the ridge's stages say they hold is no less than what they hold, and targets do not count."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

ROWS = {"n": 2000, "m": 220, "p": 4000}
TARGETS = (2 * 4096, 12 * 4096)
"""Several blocks each: of a single one there is nothing to read ahead."""
MEASURED = """
import json, sys
from pipeline.bench.memory import Peak, peak
from pipeline.bench.ridge.problem import Size
from pipeline.bench.ridge.products import inputs, make, product_at
from pipeline.bench.ridge.workers import warm
from pipeline.blocks import write_blocks
from pipeline.stages.condition import condition
from pipeline.stages.gram import cross, dual_gram
from pipeline.stages.predict import predictions
from pipeline.stages.smooth import dual_smoother

class Here:
    slots, memory = 1, None

    def write(self, product, portions):
        for portion in portions:
            write_blocks(product, portion, None)

size, found = Size(**json.loads(sys.argv[2])), {}
data = inputs(sys.argv[1], size, Here())
responses = data["responses"]
warm()

def made(name, maker, settings, **inputs):
    lazy = maker(**inputs, **settings)
    cost, grown = maker.cost(lazy, **inputs), Peak()
    opened = make(product_at(sys.argv[1], name, str(size.t)), lazy, maker.schema, Here(), cost)
    found[name] = (grown.growth(), cost.memory, peak())
    return opened

of = {"responses": responses}
of["condition"] = made("condition", condition, {}, **of)
gram = made("gram", dual_gram, {"least_alpha": size.alpha}, **of)
between = made("cross", cross, {"least_alpha": size.alpha}, **of)
of = {"responses": responses, "gram": gram, "cross": between}
smoother = made("smoother", dual_smoother, {"alpha": size.alpha}, **of)
of = {"responses": responses, "smoother": smoother, "features": data["features"]}
made("predictions", predictions, {}, **of)
print(json.dumps(found))
"""
#: Freed memory goes back at once, so that growth is what is held; one arena for all threads.
MALLOC = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536", "MALLOC_ARENA_MAX": "1"}


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux forgets a peak")
def test_stages_hold_what_they_say_and_six_times_the_targets_change_nothing(tmp_path, monkeypatch):
    for name, value in MALLOC.items():
        monkeypatch.setenv(name, value)
    peaks = []
    for targets in TARGETS:
        command = [sys.executable, "-c", MEASURED, str(tmp_path), json.dumps({**ROWS, "t": targets})]
        found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        for name, (held, said, _) in found.items():
            assert 0.2 * said < held <= said, name
        peaks.append(max(whole for *_, whole in found.values()))
    assert peaks[1] <= 1.05 * peaks[0]
