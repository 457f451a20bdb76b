"""Let ``python -m pipeline.cli`` do what ``vox2pix`` does."""

from __future__ import annotations

from .program import main

if __name__ == "__main__":
    main()
