"""What the pipeline predicts is what scikit-learn's Ridge predicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from cluster import Threads
from pipeline import plan, run
from pipeline.errors import ShapeError
from pipeline.outcome import Listener

if TYPE_CHECKING:
    import xarray as xr

THREADS = Threads(workers=2)


def _made(recipe) -> dict[str, xr.Dataset]:
    planned = run(recipe, cluster=THREADS).plan
    return {step.product: step.in_archive(planned.archive).open().load() for step in planned}


def _parts(made: dict[str, Any]) -> tuple[np.ndarray, ...]:
    """Return training rows, test rows and their targets, in float64."""
    responses, features = made["responses"], made["features/pixels"]
    place = {name: at for at, name in enumerate(features.image_id.values)}
    x = responses.response.values.astype(float)
    y = features.value.values.astype(float)[[place[name] for name in responses.image_id.values]]
    train = responses.split.values == "train"
    return x[train], x[~train], y[train], y[~train]


def _relative(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected - expected.mean(axis=0)))


@pytest.fixture(params=["dual", "primal", "left"])
def shape(request) -> dict[str, int]:
    """Return sizes that lead down each way through the ridge."""
    return {
        "dual": {"voxels": 120, "train": 40, "test": 12},
        "primal": {"voxels": 30, "train": 60, "test": 12},
        "left": {"voxels": 12, "train": 60, "test": 50},
    }[request.param]


@pytest.mark.parametrize("average", ["all", "none"])
def test_predictions_are_those_of_scikit_learn(make_recipe, shape, average):
    repeats = 1 if average == "all" else 3
    changes = {"responses": {"average_repeats": average}, "ridge": {"spaces": {"pca": None}}}
    made = _made(make_recipe({**changes, "images": None, "scores": None}, repeats=repeats, **shape))
    x, x_test, y, _ = _parts(made)
    expected = Ridge(alpha=30).fit(x, y).predict(x_test)
    assert _relative(made["predictions/pixels"].predicted.values, expected) < 1e-5
    if average == "all":
        assert ("left" in made["smoother/pixels"]) == (shape["voxels"] == 12)
        assert ("voxel" in made["gram/all"].dims) == (shape["voxels"] < shape["train"])


@pytest.mark.parametrize("correction", ["none", "stored", "test-batch"])
def test_each_correction_is_its_formula(make_recipe, shape, correction):
    spaces = {"pixels": {"alpha": 30, "correction": correction}, "pca": None}
    made = _made(make_recipe({"ridge": {"spaces": spaces}, "images": None, "scores": None}, **shape))
    x, x_test, y, y_test = _parts(made)
    raw = Ridge(alpha=30).fit(x, y).predict(x_test)
    if correction == "none":
        expected = raw
    else:
        source = raw
        if correction == "stored":
            keep = ~np.eye(len(x), dtype=bool)
            source = np.array(
                [Ridge(alpha=30).fit(x[k], y[k]).predict(x[[i]])[0] for i, k in enumerate(keep)]
            )
        std = np.where(source.std(axis=0) > 1e-12, source.std(axis=0), np.inf)
        expected = (raw - source.mean(axis=0)) / std * y.std(axis=0) + y.mean(axis=0)
    found = made["predictions/pixels"]
    assert _relative(found.predicted.values, expected) < 1e-5
    with np.errstate(invalid="ignore"):
        r = [np.corrcoef(a, b)[0, 1] for a, b in zip(expected.T, y_test.T, strict=True)]
    np.testing.assert_allclose(found.r.values, np.nan_to_num(r), atol=2e-4)
    assert np.isnan(found.stored_mean.values).all() == (correction != "stored")


def test_a_constant_voxel_changes_nothing(make_recipe, arrays):
    given = arrays()
    plain = _made(make_recipe({"images": None, "scores": None}, given))
    for split in ("train_voxels", "test_voxels"):
        constant = np.full((len(given[split]), 1), 0.1, np.float32)
        given[split] = np.concatenate([given[split], constant], axis=1)
    wider = _made(make_recipe({"data": {"archive": "other"}, "images": None, "scores": None}, given))
    assert wider["responses"]["std"].values[-1] == 0
    assert not wider["responses"].response.values[:, -1].any()
    first, second = (made["predictions/pixels"].predicted.values for made in (plain, wider))
    np.testing.assert_allclose(first, second, atol=1e-6)


class Notes(Listener):
    """Keeps what a run notes."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    def note(self, text: str) -> None:
        self.kept.append(text)


@pytest.mark.parametrize(
    ("alpha", "precision", "gram", "smoother"),
    [
        (3000, "auto", "float32", "float32"),
        (1e-4, "auto", "float64", "float32"),
        (3000, "float64", "float64", "float64"),
        (1e-4, "float32", "float32", "float32"),
    ],
)
def test_precision_goes_by_the_data(make_recipe, shape, alpha, precision, gram, smoother):
    """A plan reckons with the larger dtype; the run decides, and says why it chose float64."""
    spaces = {"pixels": {"alpha": alpha, "precision": precision}, "pca": None}
    recipe = make_recipe({"ridge": {"spaces": spaces}, "images": None, "scores": None}, **shape)
    name = "all" if precision == "auto" else f"all-{precision}"
    planned = {step.product: step for step in plan(recipe)}
    assert planned[f"gram/{name}"].dataset.gram.dtype == ("float64" if precision == "auto" else precision)
    notes = Notes()
    made_plan = run(recipe, cluster=THREADS, listener=notes).plan
    made = {step.product: step.in_archive(made_plan.archive).open() for step in made_plan}
    assert made[f"gram/{name}"].gram.dtype == gram
    multiplier = made["smoother/pixels"]
    assert multiplier["left" if "left" in multiplier else "smoother"].dtype == smoother
    assert [step.fingerprint for step in made_plan] == [step.fingerprint for step in plan(recipe)]
    told = [note for note in notes.kept if "float64, because float32 could be off by" in note]
    assert len(told) == (precision == "auto" and gram == "float64")


def test_penalties_of_a_decade_share_their_gram(make_recipe):
    def grams(**alphas):
        spaces = {name: {"alpha": alpha} for name, alpha in alphas.items()}
        steps = {step.product: step for step in plan(make_recipe({"ridge": {"spaces": spaces}}))}
        assert steps["smoother/pixels"].inputs["gram"] is steps["smoother/pca"].inputs["gram"]
        return steps["gram/all"].fingerprint, steps["condition/all"].fingerprint

    assert grams(pixels=30, pca=10) == grams(pixels=10, pca=99) == grams(pixels=3000, pca=10)
    assert grams(pixels=30, pca=10)[0] != grams(pixels=30, pca=9)[0]
    assert grams(pixels=30, pca=10)[1] == grams(pixels=30, pca=9)[1]


@pytest.mark.parametrize("voxels", [60, 12])
def test_spaces_that_differ_in_targets_alone_share_their_smoother(make_recipe, voxels):
    def steps(**pca):
        ridge = {"spaces": {"pixels": {"alpha": 30, "weights": True}, "pca": {"weights": True, **pca}}}
        sizes = {"voxels": voxels, "train": 24, "test": 8}
        return {step.product: step for step in plan(make_recipe({"ridge": ridge}, **sizes))}

    shared, own = steps(alpha=30, correction="none"), steps(alpha=31, correction="none")
    assert shared["predictions/pca"].inputs["smoother"] is shared["smoother/pixels"]
    assert "smoother/pca" not in shared
    assert "left/pca" not in shared
    assert own["predictions/pca"].inputs["smoother"] is own["smoother/pca"]
    assert own["predictions/pixels"].fingerprint == shared["predictions/pixels"].fingerprint


@pytest.mark.parametrize("where", ["voxel", "row"])
def test_what_is_no_number_is_named(make_recipe, where):
    from pipeline.stages.condition import condition
    from pipeline.stages.gram import cross, dual_gram, primal_gram
    from pipeline.stages.invert import dual_left
    from pipeline.stages.spectrum import dual_spectrum, projection

    responses = _made(make_recipe({"images": None, "scores": None}))["responses"]
    gram, spoilt = dual_gram(responses).compute(), responses.copy(deep=True)
    if where == "voxel":
        spoilt.response[3, 17] = np.nan
        place = r"voxel 17 \(i 17, j 0, k 0\), row 3 \(picture 3\)"
        message = f"the responses hold nan in {place}; a ridge needs finite numbers"
    else:
        spoilt.response[3] = np.inf
        message = r"the responses hold no finite number in row 3 \(picture 3\)"
    spectrum = dual_spectrum(responses, gram).compute()
    of_gram = [(stage, {}) for stage in (condition, dual_gram, primal_gram, cross)]
    later = [(projection, {"spectrum": spectrum}), (dual_left, {"gram": gram, "alpha": 30.0})]
    for stage, given in (*of_gram, *later):
        with pytest.raises(ShapeError, match=message):
            stage(spoilt, **given).compute(scheduler="synchronous")


def test_features_of_other_pictures_are_told(make_recipe):
    """Before anything is computed, in every stage that joins responses and features."""
    from pipeline.stages.choose import alpha
    from pipeline.stages.predict import predictions
    from pipeline.stages.tune import tuned_predictions
    from pipeline.stages.weigh import weights

    steps = {step.product: step.dataset for step in plan(make_recipe({"images": None, "scores": None}))}
    chosen = {"candidates": (1.0, 10.0, 2)}
    responses, features = steps["responses"], steps["features/pixels"].isel(image=slice(5, None))
    for stage, given in (
        (predictions, {"smoother": steps["smoother/pixels"]}),
        (alpha, {"gram": steps["gram/all"], **chosen}),
        (tuned_predictions, {"spectrum": None, "projection": None, **chosen}),
        (weights, {}),
    ):
        with pytest.raises(ShapeError, match=r"picture 0 of the responses has no features \(5 such\); both"):
            stage(responses, features=features, **given)


@pytest.mark.parametrize(("voxels", "train"), [(2600, 40), (80, 60)])
def test_a_region_is_its_voxels_alone(make_recipe, voxels, train):
    """The Gram and the weights of a region are those of a ridge that never saw the other voxels."""
    from pipeline.stages.gram import cross, dual_gram, primal_gram
    from pipeline.stages.predict import predictions
    from pipeline.stages.smooth import dual_smoother, primal_smoother

    made = _made(
        make_recipe(
            {"features": {"pca": None}, "ridge": None, "images": None, "scores": None},
            voxels=voxels,
            train=train,
        )
    )
    inside = np.random.default_rng(0).random(voxels) < 0.3
    inside[-1] = True
    seen = made["voxels"].drop_vars("in_roi").assign_coords(roi=np.array(["brain", "early"], dtype=object))
    seen["in_roi"] = (("roi", "voxel"), np.stack([np.ones(voxels, bool), inside]))
    responses, features = made["responses"], made["features/pixels"]
    x, x_test, y, _ = _parts(made)
    expected = Ridge(alpha=30).fit(x[:, inside], y).predict(x_test[:, inside])
    if inside.sum() >= train:
        gram, others = dual_gram(responses, seen, rois="early"), cross(responses, seen, rois="early")
        smoother = dual_smoother(responses, gram.compute(), others.compute(), alpha=30)
    else:
        gram = primal_gram(responses, seen, rois="early")
        smoother = primal_smoother(responses, gram.compute(), seen, alpha=30, rois="early")
    found = predictions(responses, smoother.compute(), features, seen, rois="early").compute()
    assert _relative(found.predicted.values, expected) < 1e-5
    with pytest.raises(ShapeError, match="holds no voxel"):
        dual_gram(responses, seen.assign(in_roi=seen.in_roi & False), rois="early")


def test_features_beyond_float16_are_refused():
    from pipeline.stages.featurize import as_stored

    values = np.array([[1.0, 2.0], [3.0, 7e4]], np.float32)
    with pytest.raises(ShapeError, match=r"feature 1 of picture nsd7 is 70000, .* use dtype = .float32"):
        as_stored(values, "float16", ["nsd3", "nsd7"])
    assert as_stored(values, "float32", []).dtype == np.float32
    with pytest.raises(ShapeError, match=r"is nan, no finite float32 .* look at the picture"):
        as_stored(np.where(values > 5, np.nan, values), "float32", ["nsd3", "nsd7"])
