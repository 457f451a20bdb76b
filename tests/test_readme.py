"""What the README shows is what there is."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click import Group
from click.testing import CliRunner

from pipeline.cli.program import vox2pix
from pipeline.recipe import Recipe

README = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, flags=re.DOTALL)
LINES = [line.split("#")[0].strip() for _, block in BLOCKS for line in block.splitlines()]
COMMANDS = sorted({line for line in LINES if line.startswith("vox2pix ")})


def test_commands_are_found():
    assert len(COMMANDS) >= 9


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_flag_of_the_readme_exists(command):
    name, *rest = shlex.split(command)[1:]
    within = [rest.pop(0)] if isinstance(vox2pix.commands[name], Group) else []
    shown = CliRunner().invoke(vox2pix, [name, *within, "--help"])
    assert shown.exit_code == 0, shown.output
    for flag in (word for word in rest if word.startswith("-")):
        assert flag in shown.output


TOML = [block for kind, block in BLOCKS if kind == "toml"]
CLUSTERS = [block for block in TOML if "[data]" not in block]


@pytest.mark.parametrize("text", CLUSTERS)
def test_every_cluster_of_the_readme_is_one(text, tmp_path):
    from cluster import parse, preview

    (tmp_path / "mine.toml").write_text(text)
    assert "sbatch" in preview(parse(str(tmp_path / "mine.toml"))).lower()


@pytest.mark.parametrize("text", [block for block in TOML if block not in CLUSTERS])
def test_every_recipe_of_the_readme_is_one(text, tmp_path):
    import tomllib

    recipe = Recipe.from_mapping(tomllib.loads(text), tmp_path)
    assert recipe.scores


def test_the_two_make_targets_exist():
    makefile = (Path(__file__).parents[1] / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", README, flags=re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)
