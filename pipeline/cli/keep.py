"""Keep what is worth keeping: verify, gc, export."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .command import command
from .manner import manner
from .options import Here, Place, archive_options, product_argument
from .printing import counted, put, put_json, put_table, remark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.archive import Archive
    from storage.collect import Leftover
    from storage.damage import Damage
    from storage.product import Product

DAMAGED = 5
FORMATS = ("png", "nifti", "npz", "npy", "csv", "latex", "brain-diffuser")


@command("verify", "Find damaged bytes in an archive.", example="vox2pix verify my-archive")
@archive_options
def verify(place: Place) -> int:
    """Read every stored byte and list what is not what was written; `vox2pix run` repairs it."""
    archive = place.archive()
    products = list(archive)
    found = [damage for product in products for damage in _examined(product)] + _recipes(archive)
    if manner().json:
        put_json({"archive": str(archive), "damaged": [damage.as_json() for damage in found]})
    elif found:
        put_table([{key: str(value) for key, value in damage.as_json().items()} for damage in found])
    else:
        put(f"No damage in {counted(len(products), 'product')} of {archive}.")
    if found:
        remark("vox2pix: `vox2pix run` with the recipe that made them recomputes the damaged blocks")
    return DAMAGED if found else 0


def _recipes(archive: Archive) -> list[Damage]:
    from storage.damage import Damage

    reason = "the note of what the recipe reaches is damaged"
    return [Damage("recipes", name, f"recipes/{name}", reason) for name in archive.damaged_recipes()]


def _examined(product: Product) -> list[Damage]:
    """Return a product's damage, and leave word of it for the next run."""
    from storage import damage
    from storage.errors import StorageError

    found = damage.find(product)
    word = product.place / "damaged.json"
    with suppress(OSError, StorageError):  # the archive may be one that we can only read
        if found and product.sealed():
            word.write(json.dumps([item.as_json() for item in found], indent=1).encode())
        elif not found and word.exists():
            word.delete()
    if manner().verbose:
        remark(f"{product}: {counted(len(found), 'damaged object') if found else 'whole'}")
    return found


@command(
    "gc", "Remove products that no recipe needs.", example="vox2pix gc my-archive --keep recipe.toml --delete"
)
@archive_options
@click.option(
    "--keep",
    "recipes",
    multiple=True,
    metavar="RECIPE",
    help="Keep what this recipe reaches (a file, or a stored fingerprint); default all that were run.",
)
@click.option("--delete", is_flag=True, help="Remove the products; without it they are only listed.")
def gc(place: Place, recipes: tuple[str, ...], delete: bool) -> None:
    """List, or remove, the products that no kept recipe reaches and nobody has written to for 24 h."""
    from storage.collect import leftovers, remove
    from storage.contents import summaries

    archive = place.archive()
    found = leftovers(archive, _kept(archive, recipes))
    old = [item for item in found if not item.young]
    rows = summaries(item.product for item in old)
    if delete:
        for item in old:
            remove(item.product)
            remark(f"removed {item.product}")
    if manner().json:
        bytes_found = sum(row["bytes"] for row in rows)
        put_json({"archive": str(archive), "deleted": delete, "products": rows, "bytes": bytes_found})
    else:
        _put_leftovers(found, rows, delete=delete)


def _put_leftovers(found: Sequence[Leftover], rows: Sequence[dict[str, Any]], *, delete: bool) -> None:
    from cluster import human

    listed = [
        {"product": f"{row['owner']}/{row['name']}@{row['fingerprint'][:8]}", "bytes": human(row["bytes"])}
        for row in rows
    ]
    put_table(listed, right=("bytes",))
    young = len(found) - len(rows)
    size = human(sum(row["bytes"] for row in rows))
    done = "Removed" if delete else "Would remove"
    hint = "; --delete removes them" if rows and not delete else ""
    spared = f" {counted(young, 'more product')} written to in the last 24 h stay." if young else ""
    put(f"{done} {counted(len(rows), 'product')}, {size}{hint}.{spared}")


def _kept(archive: Archive, recipes: Sequence[str]) -> set[str]:
    """Return the addresses that the recipes to be kept reach."""
    from pipeline.errors import RecipeError

    stored = archive.recipes()
    kept = [_stored(archive, recipe, stored) for recipe in recipes] or stored
    if not kept and next(iter(archive), None) is not None:
        raise RecipeError(f"{archive} has products but no stored recipe that would say which to keep")
    return {address for fingerprint in kept for address in archive.reached(fingerprint)}


def _stored(archive: Archive, recipe: str, stored: Sequence[str]) -> str:
    """Return the fingerprint of a stored recipe, named by its file or by the fingerprint's beginning."""
    from pipeline.errors import RecipeError
    from pipeline.recipe import load_recipe

    named = [fingerprint for fingerprint in stored if fingerprint.startswith(recipe)]
    if len(named) == 1 and not Path(recipe).exists():
        return named[0]
    fingerprint = load_recipe(recipe).fingerprint()
    if fingerprint not in stored:
        known = ", ".join(stored) or "none"
        raise RecipeError(
            f"{recipe} (fingerprint {fingerprint}) was never run into {archive}, which has run {known}; "
            "name a run that had --set by its fingerprint"
        )
    return fingerprint


@command(
    "export",
    "Write a product as files that other programs read.",
    example="vox2pix export my-archive subj01/images/final --to pictures",
)
@archive_options
@product_argument
@click.option(
    "--to",
    "folder",
    required=True,
    metavar="DIR",
    type=Here(file_okay=False, path_type=Path),
    help="The folder to write to; other files in it are left alone.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="Default: png of images, csv of scores, else npz. nifti puts voxels back into their volume; "
    "brain-diffuser takes NSD betas (subj01/betas) and writes what that method's scripts read.",
)
@click.option(
    "--array",
    "arrays",
    multiple=True,
    metavar="NAME",
    help="Only this array. Named for nifti, one of rows or trials becomes a 4-D file.",
)
def export(place: Place, product: str, folder: Path, form: str | None, arrays: tuple[str, ...]) -> None:
    """Write a product as files that other programs read."""
    from storage import brain_diffuser
    from storage.export import export as write_files
    from storage.handout import hand_out

    archive = place.archive()
    found = archive.find(product)
    if form == brain_diffuser.FORM:
        paths = hand_out(brain_diffuser.files(archive.place, found), folder)
    else:
        paths = write_files(found.open(), found.name, folder, form, arrays)
    if manner().json:
        put_json({"product": product, "files": [str(path) for path in paths]})
    else:
        put(f"{counted(len(paths), 'file')} in {folder.absolute()}")
