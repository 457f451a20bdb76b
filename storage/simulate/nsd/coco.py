"""Captions as COCO's own files have them: captions_train2017.json and captions_val2017.json."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SPLITS = ("train2017", "val2017")
OTHER = "a picture that is not in this release"


def coco_files(stim_info: bytes, captions: Sequence[Sequence[str]]) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of both files.

    The caption of every seventh picture is said once more, in a sixth place: COCO has some with six.

    Parameters
    ----------
    stim_info : bytes
        nsd_stim_info_merged.csv, which says what COCO calls each picture.
    captions : sequence
        Of each picture; an empty text is none.
    """
    rows = list(csv.DictReader(io.StringIO(stim_info.decode())))
    for split in SPLITS:
        images, notes = [], []
        for row, said in zip(rows, captions, strict=True):
            if row["cocoSplit"] != split:
                continue
            number = int(row["cocoId"])
            images.append({"file_name": f"{number:012}.jpg", "id": number})
            texts = [text for text in said if text]
            more = [f"again {texts[0]}"] if int(row["nsdId"]) % 7 == 0 else []
            notes += [{"image_id": number, "id": 0, "caption": text} for text in (*texts, *more)]
        notes.append({"image_id": 0, "id": 0, "caption": OTHER})
        for at, note in enumerate(notes):
            note["id"] = at
        document: dict[str, Any] = {"info": {}, "licenses": [], "images": images, "annotations": notes}
        yield f"captions_{split}.json", json.dumps(document).encode()
