"""Products of one name are told apart by the settings in which they differ."""

from __future__ import annotations

import pytest

from storage.differences import MOST, told_apart


@pytest.fixture
def make(kept):
    """Return a function that makes a product of some settings, from some inputs."""

    def made(name, digit, settings, inputs=(), **about):
        product = kept.archive.product("s1", name, digit * 16)
        given = {each.name: each.address for each in inputs}
        said = {"stage": "x", "version": 1, "settings": settings, "inputs": given, **about}
        product.create(kept.template(), kept.schema, said)
        return product

    return made


def test_own_settings_and_those_of_inputs(kept, make):
    inputs = [make("betas", digit, {}, source={"sessions": count}) for digit, count in (("a", 3), ("b", 2))]
    products = [make("responses", str(at), {"average": "all"}, [one]) for at, one in enumerate(inputs)]
    products.append(make("responses", "2", {"average": "none"}, inputs[:1]))
    assert told_apart(kept.archive.at, products) == (
        "s1/responses@00000000 (average = all; sessions of betas = 3), "
        "s1/responses@11111111 (average = all; sessions of betas = 2), "
        "s1/responses@22222222 (average = none; sessions of betas = 3)"
    )


def test_what_says_the_same_is_told_once_and_much_is_cut(kept, make):
    def one(digit, count, text):
        inputs = [make(name, digit, {}, source={"sessions": count}) for name in ("betas", "voxels")]
        return make("responses", digit, {"expression": text, "p": count, "q": text}, inputs)

    said = told_apart(kept.archive.at, [one("a", 1, "x" * 90), one("b", 2, "y" * 90)])
    assert said.count("sessions") == 0  # the fourth difference
    assert said.count(" = ") == 2 * MOST
    assert "x" * 41 not in said


def test_what_cannot_be_read_is_its_address(kept, make):
    products = [make("responses", digit, {"p": digit}) for digit in "abc"]
    (products[1].data / "zarr.json").write(b"{")
    assert told_apart(kept.archive.at, products) == (
        "s1/responses@aaaaaaaa (p = a), s1/responses@bbbbbbbb, s1/responses@cccccccc (p = c)"
    )
