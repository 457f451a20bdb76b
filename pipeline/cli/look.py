"""Look without touching: plan, status, ls, show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .command import command
from .manner import manner
from .options import Asked, Place, archive_options, product_argument, recipe_options
from .printing import counted, flops, put, put_json, put_table, tell
from .trained import told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.planner import Plan
    from storage.product import Product

REFUSED = 4


@command("plan", "What a run would make, and what it costs.", example="vox2pix plan recipe.toml")
@recipe_options
def plan(asked: Asked) -> int:
    """Show what a run would make, move, keep and need, and refuse what cannot fit; nothing is computed."""
    from cluster import human
    from storage.transfer import traffic

    bytes_before, requests_before = traffic.bytes, traffic.requests
    made = _planned(asked)
    if manner().json:
        put_json(made)
    else:
        put_table(
            [_planned_row(row, human) for row in made["stages"]],
            right=("blocks", "to move", "to keep", "a worker", "FLOPs"),
        )
        put(_left(made["stages"], human))
        if requests := traffic.requests - requests_before:
            put(f"Looking took {counted(requests, 'request')}, {human(traffic.bytes - bytes_before)}.")
    if made["fits"]:
        return 0
    first, *others = made["refusals"]
    tell(f"vox2pix: {first}" + (f" (and {len(others)} more)" if others else ""))
    return REFUSED


def _planned(asked: Asked) -> dict[str, Any]:
    """Return the object of ``plan --json`` and ``status --json``."""
    from pipeline.planner import plan as plan_recipe

    recipe = asked.recipe()
    return as_json(plan_recipe(recipe, asked.subjects))


def as_json(made: Plan) -> dict[str, Any]:
    """Return a plan with what one worker of the recipe's cluster could not do."""
    from .limits import cluster_of, worker_memory

    refusals = made.refusals(worker_memory(cluster_of(made.recipe)))
    return {
        "archive": str(made.archive),
        "stages": made.rows(),
        "fits": not refusals,
        "refusals": refusals,
    }


def _planned_row(row: Mapping[str, Any], human: Any) -> dict[str, str]:
    return {
        "stage": row["stage"],
        "product": f"{row['owner']}/{row['product']}",
        "blocks": f"{row['done']}/{row['blocks']}",
        "to move": human(row["bytes_moved"]),
        "to keep": human(row["bytes_kept"]),
        "a worker": human(row["memory"]),
        "FLOPs": flops(row["flops"]),
    }


def _left(rows: list[dict[str, Any]], human: Any) -> str:
    open_rows = [row for row in rows if row["done"] < row["blocks"]]
    if not open_rows:
        return f"Nothing to compute: all {counted(len(rows), 'product')} are there."
    blocks = sum(row["blocks"] - row["done"] for row in open_rows)
    moved, kept = (sum(row[key] for row in open_rows) for key in ("bytes_moved", "bytes_kept"))
    what = f"{counted(blocks, 'block')} of {counted(len(open_rows), 'product')}"
    return f"To compute: {what}; {human(moved)} to move, {human(kept)} to keep."


@command("status", "How far a recipe is.", example="vox2pix status recipe.toml --json")
@recipe_options
def status(asked: Asked) -> None:
    """Show how far a recipe is, from its archive, also while another process runs it."""
    made = _planned(asked)
    if manner().json:
        put_json(made)
        return
    rows = made["stages"]
    put_table([_status_row(row) for row in rows], right=("blocks",))
    done = sum(row["done"] >= row["blocks"] for row in rows)
    put(f"{done} of {counted(len(rows), 'product')} done in {made['archive']}")


def _status_row(row: Mapping[str, Any]) -> dict[str, str]:
    state = "done" if row["done"] >= row["blocks"] else "begun" if row["done"] else "not begun"
    if "training" in row:
        state = told(row["training"])
    return {
        "stage": row["stage"],
        "product": f"{row['owner']}/{row['product']}",
        "blocks": f"{row['done']}/{row['blocks']}",
        "state": state,
    }


@command(
    "ls",
    "List the products of an archive.",
    example="vox2pix ls s3://my-lab/vox2pix --endpoint-url http://127.0.0.1:9000",
)
@archive_options
def ls(place: Place) -> None:
    """List the products of an archive."""
    from cluster import human
    from storage.contents import summaries

    archive = place.archive()
    rows = summaries(archive)
    if manner().json:
        put_json({"archive": str(archive), "products": rows})
        return
    put_table([_listed(row, human) for row in rows], right=("blocks", "bytes"))
    put(f"{counted(len(rows), 'product')} in {archive}")


def _listed(row: Mapping[str, Any], human: Any) -> dict[str, str]:
    return {
        "product": f"{row['owner']}/{row['name']}@{row['fingerprint'][:8]}",
        "blocks": f"{row['done']}/{row['blocks']}",
        "bytes": human(row["bytes"]),
        "sealed": row["created"] or "no",
    }


@command(
    "show",
    "A product's arrays, settings and inputs.",
    example="vox2pix show my-archive subj01/images/final@3fa9",
)
@archive_options
@product_argument
def show(place: Place, product: str) -> None:
    """Show a product's arrays, its settings, and what it was made from."""
    from cluster import human

    said = described(place.archive().find(product))
    if manner().json:
        put_json(said)
        return
    put_table([_listed(said, human)], right=("blocks", "bytes"))
    arrays = [
        {
            "array": name,
            "dims": ", ".join(
                f"{dim} {size}" for dim, size in zip(about["dims"], about["shape"], strict=True)
            ),
            "dtype": about["dtype"],
            "units": about["units"],
        }
        for name, about in said["arrays"].items()
    ]
    put_table(arrays)
    put_table([{"setting": key, "value": str(value)} for key, value in said["settings"].items()])
    put_table([{"input": key, "product": str(value)} for key, value in said["inputs"].items()])


def described(product: Product) -> dict[str, Any]:
    """Return the object of ``show --json``."""
    from storage.contents import summary

    about = product.about() if product.created() else {}
    arrays = product.open(partial=True, raw=True).variables if about else {}
    return {
        **summary(product),
        "arrays": {
            str(name): {
                "dims": list(map(str, array.dims)),
                "shape": list(array.shape),
                "dtype": "str" if array.dtype.kind in "OUT" else str(array.dtype),
                "units": array.attrs.get("units", "1"),
            }
            for name, array in arrays.items()
        },
        "settings": about.get("settings", {}),
        "inputs": about.get("inputs", {}),
    }
