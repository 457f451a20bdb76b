"""ROI expressions against numpy's own operators, and what is said of mistakes in them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import NotInSource
from storage.sources.nsd.evaluation import Evaluation, expand
from storage.sources.nsd.rois import Joined, Labelled, Name, parse

RNG = np.random.default_rng(0)
VOLUMES = {name: RNG.integers(-1, 4, (4, 3, 5)).astype(np.int32) for name in ("a", "b-c", "lh.d")}
LABELS = {1: "V1v", 2: "V1 d", 3: "3"}
BRAIN = RNG.random((4, 3, 5)) < 0.5
REGIONS = SimpleNamespace(
    names=lambda: sorted(VOLUMES),
    brain=lambda: BRAIN,
    volume=VOLUMES.__getitem__,
    labels=lambda _atlas: LABELS,
)
A, B, D = (VOLUMES[name] for name in VOLUMES)


def mask(text, **aliases):
    return Evaluation(REGIONS, aliases).mask(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", A > 0),
        ("brain", BRAIN),
        ("a == V1v", A == 1),
        ("a == 'V1 d'", A == 2),
        ('a == "V1 d"', A == 2),
        ("a == 2", A == 2),
        ("a == 3", A == 3),
        ("a != V1v", (A > 0) & (A != 1)),
        ("b-c - a", (B > 0) & ~(A > 0)),
        ("a | b-c & lh.d", (A > 0) | ((B > 0) & (D > 0))),
        ("(a | b-c) & lh.d", ((A > 0) | (B > 0)) & (D > 0)),
        ("brain - a & b-c", BRAIN & ~((A > 0) & (B > 0))),
        ("brain - a - b-c", BRAIN & ~(A > 0) & ~(B > 0)),
        ("brain - (a - b-c)", BRAIN & ~((A > 0) & ~(B > 0))),
        ("brain - a | b-c", (BRAIN & ~(A > 0)) | (B > 0)),
        ("brain | a - b-c", (BRAIN | (A > 0)) & ~(B > 0)),
        ("  ((a==x))".replace("==", " == ").replace("x", "V1v"), A == 1),
    ],
)
def test_meaning(text, expected):
    np.testing.assert_array_equal(mask(text), expected)
    np.testing.assert_array_equal(mask(str(parse(text))), expected)


def test_aliases():
    np.testing.assert_array_equal(mask("x & y", x="a | b-c", y="x - brain"), ((A > 0) | (B > 0)) & ~BRAIN)
    assert expand("x & y", {"x": "a | b-c", "y": "x - brain"}) == "(a | b-c) & (a | b-c - brain)"


def label(text):
    return Name(text, 0)


names = st.sampled_from(["a", "b-c", "lh.d", "brain"]).map(lambda name: Name(name, 0))
labelled = st.builds(
    Labelled,
    names.filter(lambda name: name.name != "brain"),
    st.sampled_from(("V1 d", "1")).map(label),
    st.booleans(),
)
trees = st.recursive(
    names | labelled, lambda inner: st.builds(Joined, st.sampled_from("|&-"), inner, inner), max_leaves=12
)


def meaning(tree):
    if isinstance(tree, Joined):
        left, right = meaning(tree.left), meaning(tree.right)
        return {"|": left | right, "&": left & right, "-": left & ~right}[tree.operator]
    return mask(str(tree))


@given(trees)
def test_what_is_written_reads_back(tree):
    np.testing.assert_array_equal(mask(str(tree)), meaning(tree))
    assert str(parse(str(tree))) == str(tree)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "position 1: found the end, expected an atlas"),
        ("a |", "position 4: found the end, expected an atlas"),
        ("a b-c", "position 3: found 'b-c', expected |, & or -"),
        ("a -b", "position 3: found '-b', expected |, & or - between blanks"),
        ("a|b-c", "position 1: found 'a|b-c'; operators .* stand between blanks"),
        ("a & (b-c", r"position 9: found the end, expected '\)'"),
        ("a )", r"position 3: found '\)'"),
        ("a = V1v", "position 3: found '='; operators"),
        ("a == ", "position 6: found the end, expected a label"),
        ("a == 'V1", "position 6: the quote ' is not closed"),
        (
            "a == V1w",
            "position 6: no label of a is called 'V1w'; did you mean 'V1v'\\? known are V1v, V1 d, 3",
        ),
        ("a == 0", "no label of a is called '0'"),
        ("b_c", "position 1: no region is called 'b_c'; did you mean 'b-c'\\? known are a, b-c, lh.d, brain"),
        ("brain == 1", "no region is called 'brain'"),
        ("(" * 201 + "a", "position 201: found 202 words and signs, expected at most 200; name parts"),
        ("(" * 100 + "a" + ")" * 98, r"position 200: found the end, expected '\)'"),
        ("a" + " | a" * 1000, r"\.\.\.', position 401: found 2001 words and signs"),
    ],
)
def test_mistakes(text, said):
    with pytest.raises(NotInSource, match=said) as told:
        mask(text)
    assert "\n" not in str(told.value)
    assert told.value.exit_code == 2


@pytest.mark.parametrize("of", [mask, lambda text, **aliases: expand(text, aliases)])
def test_an_alias_of_itself(of):
    with pytest.raises(NotInSource, match="alias 'x' is defined by itself: x > y"):
        of("a | x", x="y", y="a | x")
