"""Ingest under fire: killed at any point, damaged in any way, run twice at once; the archive is the same."""

from __future__ import annotations

import random
import shutil
import signal
import time
from typing import TYPE_CHECKING

import pytest

from pipeline.cli.program import answer
from storage.simulate import simulate_nsd
from storage.simulate.serve import serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SECONDS = 120


def bytes_of(archive: Path) -> dict[str, bytes]:
    """Return what two archives must share: every chunk and every array's metadata."""
    return {
        str(path.relative_to(archive)): path.read_bytes()
        for path in sorted(archive.rglob("*"))
        if path.is_file() and "data" in path.relative_to(archive).parts[:-2]
    }


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[Path]:
    """Return a folder with a recipe whose release of NSD is served as S3, and `whole`, the archive of it."""
    folder = tmp_path_factory.mktemp("lab")
    simulate_nsd(folder / "release", subjects=1, sessions=4, grid=(12, 13, 11), images=80, size=24, seed=5)
    with serve({"nsd": folder / "release"}) as server:
        options = f'storage_options = {{ endpoint_url = "{server.url}", anon = true }}'
        text = (folder / "release" / "recipe.toml").read_text()
        (folder / "recipe.toml").write_text(text.replace('source = "."', f'source = "s3://nsd"\n{options}'))
        assert answer([*line(folder, folder / "whole"), "-q"]) == 0
        yield folder


def line(lab: Path, archive: Path) -> list[str]:
    """Return the command that ingests."""
    common = ["--until", "ingest", "--cluster", "threads", "--no-progress"]
    return ["run", str(lab / "recipe.toml"), "--archive", str(archive), *common]


def whole(lab: Path, archive: Path) -> None:
    """Assert that an archive is that of an undisturbed run, and says so."""
    assert bytes_of(archive) == bytes_of(lab / "whole")
    assert answer(["verify", str(archive), "-q"]) == 0


def files(archive: Path) -> int:
    return sum(1 for _ in archive.rglob("*"))


@pytest.fixture
def killed(start) -> Callable[[Path, Path, int], bool]:
    """Return a function that kills an ingest once its archive has so many files; False if it was done."""

    def kill(lab: Path, archive: Path, after: int) -> bool:
        process = start(lab, *line(lab, archive))
        limit = time.monotonic() + SECONDS
        while files(archive) < after and process.poll() is None:
            assert time.monotonic() < limit
            time.sleep(0.0005)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return process.returncode == -signal.SIGKILL

    return kill


def kill_and_resume(lab, killed, tmp_path, seed: int) -> None:
    archive = tmp_path / f"archive{seed}"
    after = random.Random(seed).randint(1, files(lab / "whole"))
    was_killed = killed(lab, archive, after)
    left = bytes_of(archive)
    assert was_killed or left == bytes_of(lab / "whole")
    assert answer([*line(lab, archive), "-q"]) == 0
    whole(lab, archive)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_killed_somewhere_the_same_command_ends_in_the_same_archive(lab, killed, tmp_path, seed):
    kill_and_resume(lab, killed, tmp_path, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, 23))
def test_killed_at_twenty_points(lab, killed, tmp_path, seed):
    kill_and_resume(lab, killed, tmp_path, seed)


def test_killed_again_and_again_the_archive_grows_and_ends_the_same(lab, killed, tmp_path):
    archive, seals = tmp_path / "archive", []
    for share in (0.2, 0.5, 0.8):
        killed(lab, archive, int(share * files(lab / "whole")))
        seals.append(len(list(archive.rglob("product.json"))))
    assert seals == sorted(seals)
    assert answer([*line(lab, archive), "-q"]) == 0
    whole(lab, archive)


def test_two_at_once_end_in_the_same_archive(lab, start, tmp_path):
    archive = tmp_path / "archive"
    both = [start(lab, *line(lab, archive)) for _ in range(2)]
    said = [process.communicate(timeout=SECONDS) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    whole(lab, archive)


def flip(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    at = chance.randrange(8 * len(content))
    content[at // 8] ^= 1 << at % 8
    path.write_bytes(bytes(content))


def cut(path: Path, chance: random.Random) -> None:
    path.write_bytes(path.read_bytes()[: chance.randrange(path.stat().st_size)])


def delete(path: Path, _chance: random.Random) -> None:
    path.unlink()


@pytest.mark.parametrize("seed", range(10))
def test_sixty_damages_are_each_found_and_mended(lab, vox2pix, tmp_path, seed):
    """Six at a time: two flipped bits, two truncations, two deletions of stored chunks."""
    archive = tmp_path / "archive"
    shutil.copytree(lab / "whole", archive, copy_function=shutil.copy2)
    chance = random.Random(seed)
    chunks = sorted(path for path in archive.rglob("*") if path.is_file() and "c" in path.parts[-4:-1])
    spoilt = chance.sample(chunks, 6)
    for path, how in zip(spoilt, (flip, flip, cut, cut, delete, delete), strict=True):
        how(path, chance)
    said = vox2pix("verify", archive, "--json")
    assert said.code == 5
    found = {f"{item['product']}/{item['chunk']}" for item in said.json["damaged"]}
    named = [path.relative_to(archive).as_posix().partition("/data/") for path in spoilt]
    assert found == {f"{'@'.join(at.rsplit('/', 1))[:-8]}/data/{chunk}" for at, _, chunk in named}
    assert vox2pix(*line(lab, archive), "-q").code == 0
    whole(lab, archive)
