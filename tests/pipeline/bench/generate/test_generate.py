"""The scenario `generate`: everybody paints as many pictures and trains as many steps, in small."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.bench.generate import dual, pooled
from pipeline.bench.generate.problem import LEARNER, PAINTED, Problem
from pipeline.bench.generate.scenario import sized
from pipeline.bench.verdict import judge
from pipeline.bench.work import measured, prepared
from pipeline.diffusion import bare, bare_pooled
from pipeline.diffusion.versatile import VersatileDiffusion


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Return the folder, and the figures by case and contender; worker processes take a while to start."""
    made, folder, figures = sized(quick=True), tmp_path_factory.mktemp("generate"), {}
    with made.ground(folder, made.size) as ground:
        for case in (*made.cases[:2], made.cases[4]):
            for contender in case.contenders:
                work = prepared(contender.prepare, {**ground.given, **case.given, **contender.given})
                figures[case.name, contender.name] = measured(work)
    return folder, figures


@pytest.mark.slow
def test_contenders_paint_and_train(found):
    folder, figures = found
    assert {key[0] for key in figures} == {"painting", "training", "encoding"}
    for (case, _), each in figures.items():
        assert each["steps" if case == "training" else "pictures"] > 0
    problem = Problem.of(folder)
    assert problem.opened(f"images/{PAINTED}").picture.shape == (2, 1, 8, 8, 3)
    assert problem.opened(f"model/{LEARNER}").sizes["step"] == 2
    assert problem.opened("features/latents").value.shape == (20, 5_152)
    assert problem.opened("features/patches").value.shape == (20, 257 * 16)


def test_goals_are_those_that_were_set():
    cases = sized().cases
    asked = [(case.name, goal.least, goal.value.figure) for case in cases for goal in case.goals]
    assert asked == [
        ("painting", 0.97, "pictures"),
        ("training", 0.95, "steps"),
        ("two workers", 0.95, "per_second"),
        ("two workers", 1.9, "per_second"),
        ("dual guidance", 0.97, "pictures"),
        ("encoding", 0.95, "pictures"),
        ("ip-adapter", 0.97, "pictures"),
        ("kandinsky", 0.97, "pictures"),
    ]
    for case in cases:
        names = [contender.name for contender in case.contenders]
        assert all(goal.value.contender in names and goal.to[0].contender in names for goal in case.goals)
    assert not judge({"cases": []})


@pytest.mark.slow
def test_two_worker_processes_paint(found):
    folder, _ = found
    _, ours, _, bare = sized(quick=True).cases[2].contenders
    figures = [
        measured(prepared(each.prepare, {"folder": str(folder), **each.given})) for each in (ours, bare)
    ]
    assert all(each["per_second"] > 0 for each in figures)
    assert figures[0]["closed"]


def test_the_bare_loop_under_two_guides_paints_what_the_generator_paints():
    case = sized(quick=True).cases[3]
    figures = [
        measured(prepared(each.prepare, {"folder": "", **case.given, **each.given}))
        for each in case.contenders
    ]
    assert figures[0]["check"] == figures[1]["check"]
    assert all(each["pictures"] > 0 for each in figures)
    side = case.given["side"]
    told, starts, seeds = dual.problem(3, side)
    ours = VersatileDiffusion("random", 2, side, 4).paint(told, seeds, starts)
    theirs = bare.painted(*bare.ready("random", "cpu", "float32"), told, starts, seeds, batch=2, steps=4)
    assert np.abs(ours.astype(int) - theirs.numpy()).max() <= 1


@pytest.mark.slow
@pytest.mark.parametrize("case", sized(quick=True).cases[5:], ids=lambda case: case.name)
def test_the_bare_loop_from_an_embedding_paints_what_the_generator_paints(case):
    sizes = {name: case.given[name] for name in ("generator", "batch", "side", "steps")}
    made = pooled.built(**sizes)
    embeddings, seeds = pooled.problem(made, case.given["pictures"])
    ours = made.paint({"image": embeddings}, seeds)
    theirs = bare_pooled.painted(made, *bare_pooled.ready(made), embeddings, seeds)
    assert np.abs(ours.astype(int) - theirs.numpy()).max() <= 1
    assert ours.std() > 1
    figures = [
        measured(prepared(each.prepare, {"folder": "", **case.given, **each.given}))
        for each in case.contenders
    ]
    assert figures[0]["check"] == figures[1]["check"]
    assert all(each["pictures"] > 0 for each in figures)
