"""Recipes: what is accepted, how layers meet, and the one line that answers a mistake."""

from __future__ import annotations

import pickle
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import RecipeError
from pipeline.recipe import Recipe, load_recipe
from pipeline.recipe.layers import overlay, read_override

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "digits69.toml"


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    """A copy of the shipped example, for tests that change it."""
    path = tmp_path / "digits.toml"
    path.write_bytes(EXAMPLE.read_bytes())
    return path


def refusal(path: Path, *overrides: str) -> str:
    """Return the line that answers a mistake."""
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, overrides)
    line = str(caught.value)
    assert "\n" not in line
    assert caught.value.exit_code == 2
    return line


def test_example_says_what_the_digits_need() -> None:
    recipe = load_recipe(EXAMPLE)
    assert recipe.data.arrays.image_shape == (28, 28)
    assert recipe.data.arrays.image_order == "F"
    assert recipe.features["pixels"].size == 28
    assert recipe.ridge.spaces["pixels"].alpha == 100
    assert recipe.images["final"].features == "pixels"  # the space named like the generator
    assert recipe.scores["final"].images == "final"  # the images named like the scores
    assert recipe.scores["final"].metrics == ("pixcorr", "ssim", "two-way-pixels")


def test_defaults_are_the_documented_ones() -> None:
    recipe = load_recipe(EXAMPLE)
    assert (recipe.seed, recipe.fidelity, recipe.preset) == (0, "clean", None)
    assert (recipe.responses.standardize, recipe.responses.average_repeats) == ("train", "all")
    assert (recipe.ridge.folds, recipe.ridge.spaces["pixels"].correction) == (5, "none")
    assert recipe.ridge.spaces["pixels"].precision == "auto"
    assert (recipe.images["final"].samples, recipe.images["final"].size) == (1, None)
    assert recipe.data.voxels == "brain"
    assert recipe.data.storage_options.given() == {}


def test_absent_tables_are_stages_not_run() -> None:
    tables = tomllib.loads(EXAMPLE.read_text("utf-8"))
    recipe = Recipe.from_mapping({"data": tables["data"]})
    assert not recipe.features
    assert not recipe.ridge.spaces
    assert not recipe.images
    assert not recipe.scores


def test_relative_paths_are_taken_from_the_recipes_folder(recipe_file: Path, tmp_path: Path) -> None:
    recipe = load_recipe(recipe_file)
    assert recipe.data.source == str(tmp_path / "digit69_28x28.mat")
    assert recipe.data.archive == str(tmp_path / "digits-archive")
    assert (recipe.base, recipe.path) == (tmp_path, recipe_file)


def test_urls_and_absolute_paths_are_kept(recipe_file: Path) -> None:
    overrides = ["data.source=s3://lab/digits.mat", "data.archive=/somewhere/else"]
    data = load_recipe(recipe_file, overrides).data
    assert (data.source, data.archive) == ("s3://lab/digits.mat", "/somewhere/else")


def test_spaces_take_the_precision_of_the_ridge_unless_they_have_their_own(recipe_file: Path) -> None:
    overrides = ["ridge.precision=float64", "features.small={model='pixels', size=8}"]
    overrides += ["ridge.spaces.small={alpha=1, precision='float32'}"]
    spaces = load_recipe(recipe_file, overrides).ridge.spaces
    assert (spaces["pixels"].precision, spaces["small"].precision) == ("float64", "float32")


def test_storage_options_are_those_given(recipe_file: Path) -> None:
    overrides = ["data.storage_options.anon=true", "data.storage_options.endpoint_url=http://127.0.0.1:9000"]
    options = load_recipe(recipe_file, overrides).data.storage_options
    assert options.given() == {"anon": True, "endpoint_url": "http://127.0.0.1:9000"}


def test_recipe_is_read_only() -> None:
    recipe = load_recipe(EXAMPLE)
    with pytest.raises(ValueError, match="frozen"):
        recipe.seed = 1  # type: ignore[misc]


def test_recipe_survives_pickling() -> None:
    recipe = load_recipe(EXAMPLE, ["cluster.kind=threads"])
    copy = pickle.loads(pickle.dumps(recipe))
    assert copy == recipe
    assert copy.path == recipe.path


def test_preset_lies_underneath_and_the_recipe_wins(recipe_file: Path) -> None:
    recipe = load_recipe(recipe_file, ["preset=pca"])
    assert set(recipe.features) == {"pixels", "pca"}
    assert recipe.images["final"].generator == "pixels"
    assert recipe.preset == "pca"


def test_overrides_win_over_recipe_and_preset(recipe_file: Path) -> None:
    recipe = load_recipe(recipe_file, ["preset=pixels", "ridge.spaces.pixels.alpha=7", "seed=3"])
    assert recipe.ridge.spaces["pixels"].alpha == 7
    assert recipe.seed == 3


def test_later_overrides_win(recipe_file: Path) -> None:
    assert load_recipe(recipe_file, ["seed=3", "seed=4"]).seed == 4


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a.b=6e4", 60000.0),
        ("a.b = 3", 3),
        ("a.b=true", True),
        ("a.b=['x', 'y']", ["x", "y"]),
        ("a.b={from=1}", {"from": 1}),
        ("a.b='quoted'", "quoted"),
        ("a.b=bare", "bare"),
        ("a.b=s3://bucket/key.mat", "s3://bucket/key.mat"),
        ("a.b=/a folder/file.mat", "/a folder/file.mat"),
        ("a.b=test-batch", "test-batch"),
    ],
)
def test_override_values_are_toml_or_bare_words(text: str, value: object) -> None:
    assert read_override(text) == (("a", "b"), value)


@pytest.mark.parametrize(
    "text",
    [
        "seed",
        "=1",
        "a..b=1",
        "a b=1",
        "seed=[1,",
        "seed=" + "[" * 70,
        "seed='x",
        "seed=",
        "seed=1\nfidelity='faithful'",
    ],
)
def test_overrides_that_cannot_be_read(text: str) -> None:
    assert repr(text) in refusal(EXAMPLE, text)


tables = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda below: st.dictionaries(st.sampled_from("abc"), below, max_size=3),
    max_leaves=8,
).filter(lambda value: isinstance(value, dict))


@given(tables, tables)
def test_overlaying_twice_is_overlaying_once(under: dict[str, Any], over: dict[str, Any]) -> None:
    once = overlay(under, over)
    assert overlay(once, over) == once
    assert overlay(under, once) == once
    assert overlay({}, over) == over


def test_resolved_recipe_reads_back_as_itself(recipe_file: Path, tmp_path: Path) -> None:
    recipe = load_recipe(recipe_file, ["preset=pca", "seed=5", "images.final.size=56"])
    stored = tmp_path / "elsewhere" / "stored.toml"
    stored.parent.mkdir()
    stored.write_text(recipe.as_toml(), "utf-8")
    again = load_recipe(stored)
    assert again.as_toml() == recipe.as_toml()
    assert again.fingerprint() == recipe.fingerprint()


def test_resolved_recipe_holds_neither_cluster_nor_storage_options(recipe_file: Path) -> None:
    plain = load_recipe(recipe_file)
    overrides = ["cluster.kind=threads", "cluster.workers=2", "data.storage_options.profile=lab"]
    dressed = load_recipe(recipe_file, overrides)
    assert dressed.cluster == {"kind": "threads", "workers": 2}
    assert dressed.as_toml() == plain.as_toml()
    assert "profile" not in dressed.as_toml()


def test_fingerprint_is_sixteen_hex_digits() -> None:
    assert re.fullmatch(r"[0-9a-f]{16}", load_recipe(EXAMPLE).fingerprint())


def test_fingerprint_knows_numbers_not_how_they_are_written(recipe_file: Path) -> None:
    written = ("60000", "60000.0", "6e4", "60_000")
    prints = {
        load_recipe(recipe_file, [f"ridge.spaces.pixels.alpha={text}"]).fingerprint() for text in written
    }
    assert len(prints) == 1
    assert prints != {load_recipe(recipe_file).fingerprint()}


def test_fingerprint_knows_no_order_of_tables() -> None:
    tables = tomllib.loads(EXAMPLE.read_text("utf-8"))
    tables["features"]["a"] = {"model": "pca", "size": 8, "components": 3}
    other = {key: tables[key] for key in reversed(tables)}
    other["features"] = dict(reversed(tables["features"].items()))
    one, two = (Recipe.from_mapping(mapping, EXAMPLE.parent) for mapping in (tables, other))
    assert one.as_toml() == two.as_toml()
    assert one.fingerprint() == two.fingerprint()


@pytest.mark.parametrize("change", ["seed=1", "fidelity=faithful", "ridge.folds=4", "data.subjects=['s2']"])
def test_fingerprint_changes_with_meaning(recipe_file: Path, change: str) -> None:
    assert load_recipe(recipe_file, [change]).fingerprint() != load_recipe(recipe_file).fingerprint()


def test_unknown_key_is_told_with_its_line_what_is_known_and_the_nearest(recipe_file: Path) -> None:
    recipe_file.write_text(EXAMPLE.read_text("utf-8") + "[responses]\nstandardise = 'train'\n", "utf-8")
    number = len(recipe_file.read_text("utf-8").splitlines())
    assert refusal(recipe_file) == (
        f"{recipe_file}: line {number}: [responses] takes no 'standardise' in this version; "
        "it takes standardize, average_repeats, unmeasured; did you mean 'standardize'?"
    )


def test_mistake_in_an_override_is_told_with_the_override(recipe_file: Path) -> None:
    line = refusal(recipe_file, "ridge.spaces.pixels.alpha=-1")
    assert line == (
        f"{recipe_file}: [ridge.spaces.pixels] alpha = -1, but it should be greater than 0 "
        "(from the override ridge.spaces.pixels.alpha=-1)"
    )


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("data.dataset=things", "[data] dataset = 'things' is not in this version, which has nsd, arrays"),
        ("data.dataset=nsd", "[data.arrays] belongs to another data set; 'nsd' takes sessions, betas"),
        ("data.dataset=array", "did you mean 'arrays'?"),
        ("data.voxels=nsdgeneral", "[data] voxels = 'nsdgeneral' is no region of dataset 'arrays'"),
        ("data.subjects=[]", "should name one at least"),
        ("data.subjects=s1", "should be a list"),
        ("data.subjects=['a', 'a']", "'a' is named twice"),
        ("data.subjects=['all']", "give the subject another name"),
        (
            "data.subjects=['recipes']",
            "archives keep the recipes that were run in 'recipes'; give the subject",
        ),
        ("data.subjects=['s1', 'Recipes']", "give the subject another name"),
        ("data.subjects=['../a']", "'../a' is no name; expected letters, digits, _ and -"),
        ("data.source=ftp://x/y", "'ftp://x/y' is no place vox2pix can reach"),
        ("data.source=''", "should not be empty"),
        ('data.source="a\\u0000.mat"', "[data] source = 'a\\x00.mat': holds a NUL character"),
        ('data.archive="s3://lab/\\u0000"', "[data] archive = 's3://lab/\\x00': holds a NUL character"),
        ('data.arrays.train_voxels="\\u0000"', "train_voxels = '\\x00': holds a NUL character"),
        ("data.sessions=3", "[data] sessions = 3 belongs to another data set; 'arrays' takes arrays"),
        ("data.sessions=many", "[data] sessions = 'many': expected a number of sessions"),
        ("data.arrays.train_voxel=x", "did you mean 'train_voxels'?"),
        ("data.arrays.image_shape=[28]", "expected [y, x] or [y, x, channel]"),
        ("data.arrays.image_shape=[28, 28, 2]", "with 1 or 3 channels"),
        ("data.arrays.image_order=Fortran", "which has C, F"),
        ("data.storage_options.endpoint=x", "did you mean 'endpoint_url'?"),
        ("data.storage_options.anon=1", "should be true or false"),
        ("rois.early=V1", "[rois] has nothing to name"),
        ("train.mlp.steps=3", "[train.mlp] lacks 'model', which has no default"),
        ('train.mlp={model="basic-ae",features=["pca"]}', "features = ['pca'] should be ['responses']"),
        ('train.net={model="conditional-ddpm",features=[]}', "= [], but it should name one at least"),
        ('train.net={model="conditional-ddpm",features=["a","a"]}', "'a' is named twice; name each once"),
        ("train=3", "train = 3, but it should be a table"),
        ('images.x={generator="voxel-ddpm"}', "needs a table [train.x] with model = 'voxel-ddpm'"),
        ("weights=3", "should be text"),
        ("featurs.x.size=3", "did you mean 'features'?"),
        ("fidelity=clen", "did you mean 'clean'?"),
        (
            'train.net={model="conditional-ddpm",features=["pca"],learning_rate=1e39}',
            "learning_rate = 1e+39, but it should be less than or equal to 10000000000",
        ),
        ("seed=-1", "should be greater than or equal to 0"),
        ("seed=1.0", "should be a whole number"),
        ("seed=true", "seed = true, but it should be a whole number"),
        ("seed.x=1", "seed = a table, but it should be a whole number"),
        ("data=3", "data = 3, but it should be a table"),
        ("responses.standardize=sessions", "did you mean 'session'?"),
        ("features.clip.model=dino-vision", "'dino-vision' is not in this version, which has pixels, pca"),
        ("features.clip.size=8", "[features.clip] lacks 'model'"),
        ("features.pixels.components=3", "[features.pixels] takes no 'components'"),
        ("features.a={model='pca', size=8}", "[features.a] lacks 'components'"),
        ("features.pixels.dtype=float46", "did you mean 'float16'?"),
        (
            "features.Big={model='pixels', size=8}",
            "[features] name 'Big' is no name; expected a-z, 0-9 and -",
        ),
        ("features.pixels.size=0", "should be greater than or equal to 1"),
        (
            "features.pixels.size=10000000000",
            "[features.pixels] size = 10000000000, but it should be less than or equal to 8192",
        ),
        ("features.a={model='pca', size=8193, components=1}", "should be less than or equal to 8192"),
        ("features.a={model='pca', size=8, components=100001}", "should be less than or equal to 100000"),
        ("images.final.size=8193", "should be less than or equal to 8192"),
        (
            "images.final.samples=1000000000",
            "[images.final] samples = 1000000000, but it should be less than or equal to 1000",
        ),
        ("ridge.folds=1", "should be greater than or equal to 2"),
        ("ridge.spaces.pixels.alpha=inf", "should be a finite number"),
        (
            "ridge.spaces.pixels.alpha='many'",
            "pixels] alpha = 'many' is no number; take one, or a table",
        ),
        (
            "ridge.spaces.pixels.alpha={from=9, to=1}",
            "pixels.alpha] goes from 9 to 1; expected from below to",
        ),
        (
            "ridge.spaces.pixels.alpha={from=0}",
            "pixels.alpha] from = 0, but it should be greater",
        ),
        (
            "ridge.spaces.pixels.alpha={to=nan}",
            "pixels.alpha] to = nan, but it should be a finite",
        ),
        (
            "ridge.spaces.pixels.alpha={count=1}",
            "pixels.alpha] count = 1, but it should be greater",
        ),
        ("ridge.spaces.pixels.alpha={form=1}", "takes from, to, count, per, by; did you mean 'from'?"),
        ("ridge.spaces.pixels.alpha={by='aic'}", "has gcv, loo, kfold, retrieval"),
        ("ridge.spaces.pixels.alpha={per='feature', by='retrieval'}", "told by all of them; take per space"),
        ("ridge.spaces.pixels.estimator=mlp", "[ridge.spaces.pixels] takes no 'alpha' in this version"),
        ("ridge.spaces.pixels.correction=batch", "which has none, stored, test-batch"),
        ("ridge.spaces.pixels.rois=early", "rois = 'early' names no region; declared in [rois]: all"),
        ("ridge.spaces.clip.alpha=1", "needs a table [features.clip]; declared: pixels"),
        ("images.final.generator=pca", "[images.final] features = 'pca' needs a table [ridge.spaces.pca]"),
        ("images.final.features=pixls", "did you mean 'pixels'?"),
        ('images.final.calibrate="most"', "which has none, std, norm"),
        ("images.b.generator=dall-e", "is not in this version, which has pixels, pca"),
        ("images.b.generator=kandinski", "did you mean 'kandinsky'?"),
        (
            "images.b.generator=versatile-diffusion",
            "[images.b.features] vision = 'clip-vision' needs a table [features.clip-vision]; declared: pix",
        ),
        (
            'images.b={generator="versatile-diffusion", features="pixels"}',
            "paints from several spaces; name each by its role: features = { vision = ..., text = ... }",
        ),
        (
            'images.b={generator="versatile-diffusion", features={visoin="pixels"}}',
            "'versatile-diffusion' does not know; it paints from vision, text; did you mean 'vision'?",
        ),
        (
            'images.b={generator="versatile-diffusion", features={}}',
            "features is empty; generator 'versatile-diffusion' paints from vision, text",
        ),
        (
            'images.b={generator="vdvae", features="pixels"}',
            "[images.b.features] latents = 'pixels' is a space of 'pixels', which generator 'vdvae' cannot",
        ),
        (
            'images.b={generator="vdvae", features={latents="Pixels"}}',
            "[images.b.features] latents 'Pixels' is no name",
        ),
        (
            'images.b={generator="vdvae", mixing=0.4}',
            "generator 'vdvae' paints without 'mixing'; leave it out",
        ),
        ('images.b={generator="kandinsky", mixing=1.5}', "should be less than or equal to 1"),
        (
            'images.final.features={vision="pixels"}',
            "generator 'pixels' paints from one space; name it alone",
        ),
        ("images.final.temperature=1.0", "generator 'pixels' paints without 'temperature'; leave it out"),
        ('images.b={generator="kandinsky", strength=0.5}', "there is none; name images in start"),
        ("images.final.steps=4", "[images.final] generator 'pixels' paints without 'steps'; leave it out"),
        (
            "images.final.strength=1.0",
            "[images.final] strength says how much of a start is painted over, but",
        ),
        ("data.sessions={a=1}", "[data] sessions = a table: expected a number of sessions"),
        ("scores.finl.metrics=['ssim']", "[scores.finl] images = 'finl' needs a table [images.finl]"),
        ("scores.final.metrics=['clip']", "metrics = 'clip' is not in this version"),
        ("scores.final.metrics=['ssim', 'ssim']", "'ssim' is named twice"),
        ("cluster.kind=threds", "did you mean 'threads'?"),
        ("cluster.workrs=2", "did you mean 'workers'?"),
        ("preset=pixel", "pixels, voxel-ddpm; did you mean 'pixels'?"),
        ("preset=3", "preset = 3, but it should be text"),
    ],
)
def test_mistakes_are_told_in_one_line(override: str, says: str) -> None:
    assert says in refusal(EXAMPLE, override)


def test_which_decoder_paints_is_asked(recipe_file: Path) -> None:
    trained = 'train={old={model="voxel-ddpm"}, new={model="voxel-ddpm"}}'
    said = refusal(recipe_file, trained, 'images.final={generator="voxel-ddpm"}')
    assert "[images.final] names no model, and several of its kind are trained: new, old; name one" in said
    said = refusal(recipe_file, trained, 'images.final={generator="voxel-ddpm", model="od"}')
    assert "names none of the trained decoders of its kind: new, old; did you mean 'old'?" in said


LONG = "n" * 65


@pytest.mark.parametrize(
    ("override", "place"),
    [
        (f"features.{LONG}={{model='pixels', size=8}}", "[features] name 'nnn"),
        (f"ridge.spaces.{LONG}.alpha=1", "[ridge.spaces] name 'nnn"),
        (f"images.{LONG}.generator=pixels", "[images] name 'nnn"),
        (f"images.final.features={LONG}", "[images.final] features 'nnn"),
        (f"scores.{LONG}.metrics=['ssim']", "[scores] name 'nnn"),
        (f"rois.{LONG}=V1", "[rois] name 'nnn"),
        (f"data.subjects=['{LONG}']", "[data] subjects 'nnn"),
    ],
    ids=["features", "spaces", "images", "a space meant", "scores", "rois", "subjects"],
)
def test_names_have_64_characters_at_most(override: str, place: str) -> None:
    line = refusal(EXAMPLE, override)
    assert place in line
    assert "... is no name; expected at most 64 characters" in line


def test_the_longest_and_largest_are_taken(recipe_file: Path) -> None:
    overrides = ["images.final.samples=1000", "images.final.size=8192", f"data.subjects=['{LONG[1:]}']"]
    overrides += [f"features.{LONG[1:]}={{model='pca', size=8192, components=100000}}"]
    recipe = load_recipe(recipe_file, overrides)
    assert recipe.images["final"].samples == 1000
    assert recipe.features[LONG[1:]].components == 100000


def test_generator_cannot_paint_a_space_of_another_model(recipe_file: Path) -> None:
    overrides = ["features.pixels={model='pca', size=28, components=5}", "images.final.features=pixels"]
    says = "[images.final] features = 'pixels' is a space of 'pca', which generator 'pixels' cannot paint"
    assert says in refusal(recipe_file, *overrides)


def test_half_precision_is_refused_where_faithful(recipe_file: Path) -> None:
    half = "features.pixels.dtype=float16"
    assert load_recipe(recipe_file, [half]).features["pixels"].dtype == "float16"
    assert "[features.pixels] dtype = 'float16' loses digits" in refusal(
        recipe_file, half, "fidelity=faithful"
    )


NSD = """
[data]
dataset = "nsd"
source = "release"
archive = "archive"
subjects = ["subj01"]
voxels = "nsdgeneral"
sessions = 37
[rois]
early = "streams == early"
[features.pixels]
model = "pixels"
size = 32
[ridge.spaces.pixels]
alpha = 100
rois = "early"
"""


def test_a_recipe_for_nsd(tmp_path: Path) -> None:
    (tmp_path / "nsd.toml").write_text(NSD)
    recipe = load_recipe(tmp_path / "nsd.toml")
    assert recipe.data.sessions == 37
    assert recipe.rois == {"early": "streams == early"}
    assert recipe.data.arrays is None
    assert load_recipe(tmp_path / "nsd.toml", ["data.sessions=[1, 3]"]).data.sessions == (1, 3)
    (tmp_path / "again.toml").write_text(recipe.as_toml())
    assert load_recipe(tmp_path / "again.toml").fingerprint() == recipe.fingerprint()
    assert "did you mean 'early'?" in refusal(tmp_path / "nsd.toml", "ridge.spaces.pixels.rois=erly")
    for name in ("all", "brain"):
        assert "stands for every voxel" in refusal(tmp_path / "nsd.toml", f'rois.{name}="streams == early"')
    assert "[data.arrays] is missing" in refusal(
        tmp_path / "nsd.toml", "data.dataset=arrays", "data.voxels=brain"
    )


def test_another_data_set_is_the_only_mistake_told(recipe_file: Path) -> None:
    line = refusal(recipe_file, "data.dataset=things", "data.sessions=3", "seed=-1")
    assert "things" in line
    assert "sessions" not in line


def test_of_many_mistakes_the_first_are_told_and_the_rest_counted(recipe_file: Path) -> None:
    line = refusal(recipe_file, "seed=-1", "fidelity=x", "ridge.folds=1", "responses.a=1", "responses.b=1")
    assert line.count("override") == 3
    assert line.endswith("and 2 more")


def test_missing_table_is_told_with_what_it_needs(tmp_path: Path) -> None:
    path = tmp_path / "empty.toml"
    path.write_text("seed = 1\n", "utf-8")
    assert "the table [data] is missing; add it, with dataset, source" in refusal(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"seed = 1\nfolds 3\n", "line 2, column"),
        (b"seed = 1\nseed = 2\n", "line 2"),
        (b"seed = '\xff'\n", "not UTF-8"),
        (b"seed = " + b"9" * 5000, "not valid TOML"),
        (b"seed = " + b"[" * 5000, "not valid TOML"),
    ],
)
def test_what_is_no_toml_is_told_with_its_place(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "recipe.toml"
    path.write_bytes(content)
    line = refusal(path)
    assert line.startswith(str(path))
    assert says in line


def test_no_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "nothing.toml")
    assert "is a folder" in refusal(tmp_path)


def test_a_byte_order_mark_is_no_mistake(recipe_file: Path) -> None:
    recipe_file.write_bytes(b"\xef\xbb\xbf" + EXAMPLE.read_bytes())
    assert load_recipe(recipe_file).fingerprint()


def answer(override: str) -> str:
    """Return the fingerprint of the example with an override, or the line that refuses it."""
    try:
        return load_recipe(EXAMPLE, [override]).fingerprint()
    except RecipeError as error:
        return str(error)


@given(st.text(max_size=40))
def test_any_override_is_taken_or_refused_in_one_line(text: str) -> None:
    assert len(answer(text).splitlines()) == 1


@given(
    st.sampled_from(["seed", "data.subjects", "ridge.folds", "features.pixels.size", "scores"]),
    st.text(max_size=20),
)
def test_any_value_is_taken_or_refused_in_one_line(key: str, value: str) -> None:
    assert len(answer(f"{key}={value}").splitlines()) == 1
