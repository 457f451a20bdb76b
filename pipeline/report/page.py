"""The page: everything the template shows, with no decision left to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .bars import compared, heads, unbeaten, verdicts
from .comparison import differences, names_of
from .contenders import Contender
from .facts import facts
from .gallery import galleries
from .ledger import ledger, state_of
from .painters import painters
from .ridges import ridge_cards
from .score_table import glossary, score_table
from .simulated import simulated
from .trainings import training_cards
from .untrained import untrained

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..metrics import Metric
    from .bars import Verdict
    from .gallery import Gallery
    from .ledger import Ledger
    from .results import Results
    from .ridges import RidgeCard
    from .score_table import ScoreTable
    from .trainings import TrainingCard


@dataclass(frozen=True)
class Card:
    """One recipe at the head of the page."""

    name: str
    number: int
    facts: Mapping[str, str]
    missing: tuple[str, ...]
    """Products that are not complete, each with what there is of it."""
    expected: int
    """How many products the recipe asks for."""
    ledger: Ledger
    toml: str
    painters: tuple[tuple[str, str], ...] = ()
    """Each name of images, and what made its pictures."""


@dataclass(frozen=True)
class Section:
    """A subject's pictures and scores, of one images name or of all recipes side by side."""

    anchor: str
    subject: str
    name: str
    contenders: tuple[Contender, ...]
    galleries: tuple[Gallery, ...]
    scores: ScoreTable | None
    unfinished: tuple[str, ...]
    """Labels of those whose pictures are not complete."""
    unscored: tuple[str, ...]
    """Labels of those that have no complete scores."""
    verdicts: tuple[Verdict, ...] = ()
    """Whether the first contender beats each bar, by each metric."""

    @property
    def unbeaten(self) -> tuple[str, ...]:
        """Labels of the bars that are not beaten by every metric."""
        return unbeaten(self.verdicts)


@dataclass(frozen=True)
class Page:
    """The whole report."""

    title: str
    cards: tuple[Card, ...]
    simulated: tuple[str, ...]
    """Names of the recipes whose data are simulated."""
    untrained: tuple[str, ...]
    """Products that a network with random weights was part of."""
    differences: tuple[tuple[str, tuple[str, ...]], ...]
    """Keys in which the recipes differ, with the value in each."""
    sections: tuple[Section, ...]
    metrics: tuple[Metric, ...]
    ridges: tuple[RidgeCard, ...]
    trainings: tuple[TrainingCard, ...] = ()

    @property
    def compares(self) -> bool:
        """Whether recipes stand side by side."""
        return len(self.cards) > 1

    @property
    def facts(self) -> list[str]:
        """What is told of any of the recipes, in order."""
        return list(dict.fromkeys(fact for card in self.cards for fact in card.facts))


def page(everything: Sequence[Results]) -> Page:
    """Return the page of some recipes' results."""
    recipes = [results.recipe for results in everything]
    names = names_of(recipes)
    sections = tuple(_compared(everything, names) if len(recipes) > 1 else _separate(everything[0]))
    contenders = [contender for section in sections for contender in section.contenders]
    return Page(
        title=" and ".join(names),
        cards=tuple(_card(*each) for each in zip(everything, names, range(len(names)), strict=True)),
        simulated=tuple(name for name, recipe in zip(names, recipes, strict=True) if simulated(recipe)),
        untrained=tuple(dict.fromkeys(name for results in everything for name in untrained(results))),
        differences=tuple(differences(recipes)) if len(recipes) > 1 else (),
        sections=sections,
        metrics=tuple(glossary([section.scores for section in sections], contenders)),
        ridges=tuple(
            card
            for number, (results, name) in enumerate(zip(everything, names, strict=True))
            for card in ridge_cards(results, name, number)
        ),
        trainings=tuple(
            card
            for number, (results, name) in enumerate(zip(everything, names, strict=True))
            for card in training_cards(results, name, number)
        ),
    )


# --- the head ------------------------------------------------------------------------------------


def _card(results: Results, name: str, number: int) -> Card:
    return Card(
        name,
        number,
        dict(facts(results)),
        tuple(f"{one.product.owner}/{one.product.name} ({state_of(one)})" for one in results.missing),
        len(results.expected),
        ledger(results),
        results.recipe.as_toml(),
        tuple(painters(results.recipe)),
    )


# --- pictures and scores -------------------------------------------------------------------------


def _separate(results: Results) -> Iterator[Section]:
    """Yield a section for each subject and images name of one recipe, with the bars beside it."""
    for subject in results.subjects:
        for name in heads(results):
            contenders = compared(results, subject, name)
            section = _section(subject, name, contenders)
            yield replace(section, verdicts=tuple(verdicts(contenders)))


def _compared(everything: Sequence[Results], names: Sequence[str]) -> Iterator[Section]:
    """Yield a section for each subject, with the pictures of all recipes that have it."""
    columns = [
        (results, image, label if len(results.recipe.images) == 1 else f"{label}, {image}")
        for results, label in zip(everything, names, strict=True)
        for image in results.names("images")
    ]
    for subject in dict.fromkeys(subject for results in everything for subject in results.subjects):
        contenders = [
            Contender(results, subject, image, label, number)
            for number, (results, image, label) in enumerate(columns)
            if subject in results.subjects
        ]
        yield _section(subject, "", contenders)


def _section(subject: str, name: str, contenders: Sequence[Contender]) -> Section:
    return Section(
        anchor=f"of/{subject}/{name}" if name else f"of/{subject}",
        subject=subject,
        name=name,
        contenders=tuple(contenders),
        galleries=tuple(galleries(contenders)),
        scores=score_table([contender for contender in contenders if contender.tables]),
        unfinished=tuple(contender.label for contender in contenders if contender.images is None),
        unscored=tuple(contender.label for contender in contenders if not contender.tables),
    )


def sentence(items: Sequence[str]) -> str:
    """Return a list of things in words.

    >>> sentence(["a", "b", "c"])
    'a, b and c'
    """
    *most, last = items
    return f"{', '.join(most)} and {last}" if most else last
