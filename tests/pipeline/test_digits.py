"""A real person's visual cortex, looking at handwritten sixes and nines."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from cluster import Threads
from pipeline import load_recipe, run
from pipeline.features.resize import resize

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
RECIPE = EXAMPLES / "digits69.toml"
PAINTED = EXAMPLES / "digits69-ddpm.toml"
THREADS = Threads(workers=2)


@pytest.fixture
def digits(real_data) -> Path:
    file = real_data / "vangerven_digits69" / "digit69_28x28.mat"
    if not file.exists():
        pytest.skip(f"{file} is not here; it is optional real data (CONTRIBUTING.md)")
    return file


def _scores(recipe):
    return run(recipe, cluster=THREADS).as_json()["subjects"]["s1"]["scores"]["final"]


def _check(scores):
    assert scores["pixcorr"]["mean"] >= 0.75
    assert scores["two-way-pixels"]["mean"] >= 0.90
    assert scores["pixcorr"]["low"] > scores["pixcorr"]["chance"]


def test_digits_are_decoded_from_a_folder(digits, tmp_path):
    shutil.copy(digits, tmp_path)
    shutil.copy(RECIPE, tmp_path)
    scores = _scores(load_recipe(tmp_path / RECIPE.name))
    _check(scores)
    # what the same ridge gives in plain numpy and scikit-learn, on the pictures as stored
    assert scores["pixcorr"]["mean"] == pytest.approx(0.789, abs=1e-3)
    assert scores["two-way-pixels"]["mean"] == pytest.approx(0.944, abs=1e-3)
    plain = _scores(load_recipe(tmp_path / RECIPE.name, ['responses.standardize="none"']))
    assert plain["pixcorr"]["mean"] == pytest.approx(0.660, abs=1e-3)
    assert plain["two-way-pixels"]["mean"] == pytest.approx(0.522, abs=1e-3)


def test_digits_are_decoded_from_s3_into_s3(digits, s3_server, s3_bucket, tmp_path, stored_bytes):
    import boto3

    client = boto3.client("s3", endpoint_url=s3_server)
    client.upload_file(str(digits), s3_bucket, "in/digits.mat")
    options = f'data.storage_options={{endpoint_url="{s3_server}"}}'
    source = f"data.source=s3://{s3_bucket}/in/digits.mat"
    recipe = load_recipe(RECIPE, [source, f"data.archive=s3://{s3_bucket}/out", options])
    _check(_scores(recipe))
    assert run(recipe, cluster=THREADS).computed == 0
    # on a folder the same products have the same names and the same bytes
    run(load_recipe(RECIPE, [source, f"data.archive={tmp_path / 'out'}", options]), cluster=THREADS)
    for name, content in stored_bytes(tmp_path / "out").items():
        if not name.endswith("data/zarr.json"):
            assert client.get_object(Bucket=s3_bucket, Key=f"out/{name}")["Body"].read() == content, name


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_painted_digits_are_read_as_what_was_seen(digits, tmp_path):
    """A reader that learned from the seen training pictures alone reads the painted ones."""
    shutil.copy(digits, tmp_path)
    shutil.copy(PAINTED, tmp_path)
    result = run(load_recipe(tmp_path / PAINTED.name, ["images.final.samples=4"]), cluster=THREADS)
    opened = {step.product: step.in_archive(result.plan.archive).open().load() for step in result.plan}
    stimuli, made = opened["stimuli"], opened["images/final"]
    seen = resize(stimuli.picture.values, (32, 32)) / 255
    labels = stimuli.label.values.astype(object)
    train = stimuli.split.values == "train"
    reader = LogisticRegression(max_iter=1000).fit(seen[train].reshape(90, -1), labels[train])
    assert reader.score(seen[~train].reshape(10, -1), labels[~train]) == 1
    label_of = dict(zip(stimuli.image_id.values, labels, strict=True))
    shown = np.array([label_of[image] for image in made.image_id.values])
    told = reader.predict(made.picture.values.reshape(10 * 4, -1) / 255).reshape(10, 4)
    assert (told == shown[:, None]).mean() >= 0.85  # chance is 0.5; of 40 pictures
    scores = result.as_json()["subjects"]["s1"]["scores"]
    assert scores["final"]["two-way-pixels"]["low"] > 0.5
    assert scores["final"]["pixcorr"]["low"] > scores["final"]["pixcorr"]["chance"]
