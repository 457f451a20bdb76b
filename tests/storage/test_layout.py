"""How a group lies on disk: its consolidated metadata are those of zarr itself."""

from __future__ import annotations

import json
import shutil
import warnings

import pytest
import zarr


def test_consolidated_metadata_are_those_that_zarr_writes(kept, tmp_path):
    group = kept.finish().data.local
    ours = (group / "zarr.json").read_bytes()
    theirs = tmp_path / "theirs"
    shutil.copytree(group, theirs)
    plain = json.loads(ours)
    del plain["consolidated_metadata"]
    (theirs / "zarr.json").write_text(json.dumps(plain))
    with pytest.warns(UserWarning, match="Consolidated metadata"):
        zarr.consolidate_metadata(theirs)
    assert (theirs / "zarr.json").read_bytes() == ours


def test_sealing_warns_of_nothing_in_no_thread(kept):
    """A filter that is set for a while does not reach a thread that goes on after Ctrl-C."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        kept.finish()
    assert said == []
