"""ROI expressions, such as ``prf-visualrois == V1v | streams == early - floc-faces``: how they are read.

A name is an atlas (its voxels have labels above 0), an alias, or ``brain``. ``ATLAS == LABEL`` are the voxels
with one label, by name or number; ``ATLAS != LABEL`` those of the atlas with any other. ``&`` binds tightest;
``|`` (union) and ``-`` (difference) are taken from left to right. Operators stand between blanks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from storage.errors import NotInSource

_TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>"[^"]*"|'[^']*')|(?P<paren>[()])|(?P<word>[^\s()"']+)|(?P<odd>["']))"""
)
MOST = 200
"""Words and signs of an expression: each parenthesis is read one call deeper."""
SHOWN = 200
"""Characters of an expression that a message repeats."""
_OPERATORS = ("|", "&", "-", "==", "!=")


@dataclass(frozen=True)
class Name:
    """An atlas, an alias or the brain; `at` is its place in the expression, from 1."""

    name: str
    at: int

    def __str__(self) -> str:
        return _quoted(self.name)


@dataclass(frozen=True)
class Labelled:
    """The voxels of an atlas with a label, or with another one."""

    atlas: Name
    label: Name
    other: bool

    def __str__(self) -> str:
        return f"{self.atlas} {'!=' if self.other else '=='} {self.label}"


@dataclass(frozen=True)
class Joined:
    """Two sets of voxels and the operator between them."""

    operator: str
    left: Expression
    right: Expression

    def __str__(self) -> str:
        return f"{self._side(self.left)} {self.operator} {self._side(self.right, right=True)}"

    def _side(self, side: Expression, *, right: bool = False) -> str:
        """Put parentheses where reading would group differently without them."""
        looser = isinstance(side, Joined) and self.operator == "&" and side.operator != "&"
        later = right and isinstance(side, Joined) and (side.operator == "&") == (self.operator == "&")
        return f"({side})" if looser or later else str(side)


Expression = Name | Labelled | Joined


def _quoted(name: str) -> str:
    plain = re.fullmatch(r"[^\s()\"'|&=!]+", name) and name not in _OPERATORS
    return name if plain else (f"'{name}'" if '"' in name else f'"{name}"')


@dataclass(frozen=True)
class Token:
    """A word, an operator or a parenthesis; `kind` is the operator or parenthesis itself, else "name"."""

    kind: str
    text: str
    at: int


def parse(text: str) -> Expression:
    """Read an ROI expression.

    >>> str(parse("a - b & (c == 'V1 v')"))
    'a - b & c == "V1 v"'

    Raises
    ------
    NotInSource
        If it is none; place and finding are named.
    """
    return _Parser(text).whole()


def mistake(text: str, at: int, said: str) -> NotInSource:
    """Return the error that names an expression, the place in it (from 1), and what is wrong there."""
    shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
    return NotInSource(f"ROI expression {shown!r}, position {at}: {said}")


def _tokens(text: str) -> list[Token]:
    found, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        assert match is not None, "every character is matched by one of the four"
        kind = str(match.lastgroup)
        place, word = match.start(kind) + 1, match[kind]
        if kind == "odd":
            raise mistake(text, place, f"the quote {word} is not closed")
        if kind == "word" and word not in _OPERATORS and re.search(r"[|&=!]", word):
            raise mistake(
                text, place, f"found {word!r}; operators ({' '.join(_OPERATORS)}) stand between blanks"
            )
        name = kind == "quoted" or (kind == "word" and word not in _OPERATORS)
        found.append(Token("name" if name else word, word[1:-1] if kind == "quoted" else word, place))
        at = match.end()
    if len(found) > MOST:
        said = f"found {len(found)} words and signs, expected at most {MOST}; name parts of it by [rois]"
        raise mistake(text, found[MOST].at, said)
    return [*found, Token("end", "the end", len(text) + 1)]


class _Parser:
    """Recursive descent: union > intersection > part."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _tokens(text)

    def whole(self) -> Expression:
        found = self._union()
        if self.tokens[0].kind != "end":
            self._expected("|, & or - between blanks")
        return found

    def _take(self, *kinds: str) -> Token | None:
        return self.tokens.pop(0) if self.tokens[0].kind in kinds else None

    def _expected(self, what: str) -> None:
        token = self.tokens[0]
        found = token.text if token.kind == "end" else repr(token.text)
        raise mistake(self.text, token.at, f"found {found}, expected {what}")

    def _union(self) -> Expression:
        left = self._intersection()
        while operator := self._take("|", "-"):
            left = Joined(operator.kind, left, self._intersection())
        return left

    def _intersection(self) -> Expression:
        left = self._part()
        while self._take("&"):
            left = Joined("&", left, self._part())
        return left

    def _part(self) -> Expression:
        if self._take("("):
            inner = self._union()
            if not self._take(")"):
                self._expected("')'")
            return inner
        atlas = self._name("an atlas, an alias, 'brain' or '('")
        sign = self._take("==", "!=")
        return atlas if sign is None else Labelled(atlas, self._name("a label"), sign.kind == "!=")

    def _name(self, what: str) -> Name:
        token = self._take("name")
        if token is None:
            self._expected(what)
        assert token is not None
        return Name(token.text, token.at)
