from __future__ import annotations

from typing import Any

import numpy as np
import pytest


@pytest.fixture
def random_pictures() -> Any:
    """Make seen pictures with some shape in them, and noisy made ones."""

    def make(*shape: int) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng(0)
        rows, height, width, channels = shape
        coarse = random.integers(0, 256, (rows, -(-height // 4), -(-width // 4), channels), dtype=np.uint8)
        seen = coarse.repeat(4, axis=1).repeat(4, axis=2)[:, :height, :width]
        made = np.clip(seen + random.normal(0, 40, shape), 0, 255).astype(np.uint8)
        return np.ascontiguousarray(seen), made

    return make
