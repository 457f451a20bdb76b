"""What a measurement's JSON must hold to be compared: a file that was cut or edited is told by its place."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .table import COLUMNS

_FIGURES = frozenset({"wall", *(figure for _, figure, _ in COLUMNS)})


class _Open(BaseModel):
    """Holds more than is named."""

    model_config = ConfigDict(extra="allow")


class _Worker(_Open):
    peak: float
    device: float | None


class _Row(_Open):
    product: str
    stage: str
    wall: float
    read: float
    moved: float
    stored: float
    flops: float
    workers: dict[str, _Worker]


class _Run(_Open):
    contender: str
    repeat: int
    stages: list[_Row] = Field(default_factory=list)

    @model_validator(mode="before")
    @classmethod
    def _figures_are_numbers(cls, run: Any) -> Any:
        found = run if isinstance(run, dict) else {}
        for name in _FIGURES & found.keys():
            if not isinstance(found[name], int | float):
                raise ValueError(f"{name} is {found[name]!r}, and should be a number")  # noqa: TRY004  (what pydantic collects)
        return run


class _Case(_Open):
    name: str
    contenders: dict[str, Any]
    runs: list[_Run]


class _Load(_Open):
    before: Any


class _Cluster(_Open):
    workers: dict[str, dict[str, Any]] = Field(default_factory=dict)


class Measurement(_Open):
    """What `pipeline.bench.measure` and `pipeline.bench.on_cluster` return."""

    scenario: Annotated[str, Field(pattern="^[A-Za-z0-9_-]+$")]
    command: str
    commit: str | None
    began: str
    machine: dict[str, Any]
    size: dict[str, Any]
    load: _Load
    software: dict[str, dict[str, str]] = Field(default_factory=dict)
    cluster: _Cluster = Field(default_factory=_Cluster)
    cases: list[_Case]
