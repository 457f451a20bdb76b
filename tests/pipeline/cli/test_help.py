"""Every command says what it does, shows an example, and takes the global options anywhere."""

from __future__ import annotations

import shlex

import pytest

from pipeline.cli.command import Command, Program
from pipeline.cli.program import vox2pix as program


def every(group, before=""):
    """Return all commands by what is typed, those of a group under the group's name."""
    found = {}
    for name, command in group.commands.items():
        inner = every(command, f"{name} ") if isinstance(command, Program) else {name: command}
        found |= {before + typed: one for typed, one in inner.items()}
    return found


EVERY = every(program)
COMMANDS = sorted(EVERY)
GLOBAL = ("--json", "--verbose", "--quiet", "--no-progress", "--debug", "--version", "-h, --help")


def test_the_commands_of_this_version_are_there():
    assert (
        sorted(
            [
                "demo",
                "simulate",
                "presets",
                "doctor",
                "plan",
                "run",
                "status",
                "report",
                "decode",
                "ls",
                "show",
                "export",
                "verify",
                "gc",
                "bench",
                "cluster check",
                "weights list",
                "weights fetch",
                "weights check",
                "weights convert",
            ]
        )
        == COMMANDS
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_one_sentence_and_an_example(vox2pix, name):
    command = EVERY[name]
    assert isinstance(command, Command)
    sentence = command.help or ""
    assert sentence.endswith(".")
    assert "\n" not in sentence.strip()
    assert command.short_help
    assert len(command.short_help) < 60
    said = vox2pix(*name.split(), "--help")
    assert said.code == 0
    assert f"Example:\n  vox2pix {name}" in said.out
    for option in GLOBAL:
        assert option in said.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_is_understood(name):
    command = EVERY[name]
    arguments = shlex.split(command.example)[1 + len(name.split()) :]
    with command.make_context(name, arguments):
        pass


def test_every_option_has_help_text():
    for name, command in EVERY.items():
        for option in command.params:
            if option.param_type_name == "option":
                assert option.help, f"{name} {option.name}"


def test_short_and_long_help_and_the_list_in_natural_order(vox2pix):
    said = vox2pix("-h")
    assert said.code == 0
    assert said.out == vox2pix("--help").out
    assert said.out.index("  demo ") < said.out.index("  run ") < said.out.index("  gc ")


def test_nothing_typed_shows_the_help_on_stderr(vox2pix):
    said = vox2pix()
    assert (said.code, said.out) == (2, "")
    assert "Commands:" in said.err


@pytest.mark.parametrize("line", [["--version"], ["run", "--version"], ["ls", "x", "--version"]])
def test_version_anywhere(vox2pix, line):
    said = vox2pix(*line)
    assert said.code == 0
    assert said.out.startswith("vox2pix ")


@pytest.mark.parametrize("line", [["--json", "presets"], ["presets", "--json"]])
def test_global_options_before_and_after_the_command(vox2pix, line):
    names = [preset["name"] for preset in vox2pix(*line).json["presets"]]
    diffusion = ["brain-diffuser", "brain-diffuser-clean", "conditional-ddpm", "ip-adapter", "kandinsky"]
    assert names == ["basic-ae", *diffusion, "pca", "pixels", "voxel-ddpm"]


def test_a_wrong_command_is_answered_with_the_nearest(vox2pix):
    said = vox2pix("rnu")
    assert said.code == 2
    assert said.err.count("\n") == 1
    assert "Did you mean 'run'?" in said.err


def test_a_wrong_option_with_json_is_an_object_too(vox2pix):
    said = vox2pix("run", "recipe.toml", "--jsn", "--json")
    assert said.code == 2
    assert said.json["status"] == "failed"
    assert said.json["exit"] == 2
    assert said.json["error"]["kind"] == "usage"
    assert "--json" in said.json["error"]["message"]
