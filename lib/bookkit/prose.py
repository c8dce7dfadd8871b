"""Checked prose: sentences are typed by hand, and the run evaluates what they say.

Marks are plain Markdown links, so that a page reads as text wherever it is opened raw: `[33 of 40](value:recall-gru)`
is a typed value, `[✓](holds:recall-gru-ahead)` a check, `[supported](verdict:P1)` a word of the ledger. A chapter's
code publishes what they refer to (`evidence.record`); parameters are values by themselves (`value:recall.steps`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.colon_fence import colon_fence_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.myst_blocks import myst_block_plugin

from evidence.format import listed
from evidence.record import comparable

FENCE = re.compile(r"^\s*(?P<fence>`{3,}(?=[^`]*$)|~{3,}|:{3,})\s*(?P<name>\{[\w:-]+\})?")
SHOWN = {"{code}", "{code-block}", "{code-cell}", "{math}"}
"""Directives whose content is shown as it is."""
UNREAD = (
    r"(?<![`\\])(?:(?P<ticks>`{1,2})(?!`)(?:(?!\n\s*\n).)+?(?<!`)(?P=ticks)|(?P<more>`{3,})[^`\n][^\n]*?(?<!`)(?P=more))(?!`)"
    r"|<!--.*?-->|(?m:^%[^\n]*)"
)
"""Code within a paragraph, and comments."""
MARK = re.compile(
    rf"(?P<code>{UNREAD})|"
    r"\[(?P<typed>(?:[^\[\]\n]|\n(?!\s*\n)|\[[^\[\]]*\](?!\())*)\]\((?P<kind>value|holds|verdict):(?P<id>[\w.-]+)\)",
    re.S,
)
TITLE = re.compile(r"^\s*`{3,}\{[^\n]*\]\(holds:[^\n]*", re.M)
"""A check in the title of a directive that begins with backticks, which may hold no others."""
PARSER = MarkdownIt("commonmark").enable("table").use(colon_fence_plugin)
PARSER.use(dollarmath_plugin).use(myst_block_plugin)
LOOSE = re.compile(r"\]\s*\(\s*(?:value|holds|verdict)s?\s*:", re.I)
SCHEME = re.compile(r"(?!https?:|mailto:)[a-z]+:", re.I)
STOPS = ("\n\n", ". ", ".\n", "? ", "| ")
"""What ends a sentence, or the cell of a table."""
SPECIAL = re.compile(r"([\\`*_{}\[\]<>|$~^#])")


@dataclass(frozen=True)
class Value:
    """A published text; `judged` where a typed one that differs is an error."""

    text: str
    judged: bool


@dataclass(frozen=True)
class Check:
    """A checked statement and what it rests on."""

    holds: bool
    shown: str
    judged: bool


@dataclass
class Statements:
    """What all chapters of a build published, and what was found wrong with the pages that refer to it."""

    values: dict[str, Value] = field(default_factory=dict)
    checks: dict[str, Check] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, records: Iterable[Mapping[str, Any]]) -> Statements:
        """From the records of executed chapters (`chapter.json`)."""
        found = cls()
        for record in records:
            found.add(record)
        return found

    def add(self, record: Mapping[str, Any]) -> None:
        """Take in one chapter; an id that another chapter has is a problem."""
        name, judged = record.get("chapter", "?"), comparable(record)
        for key, value in record.get("parameters", {}).items():
            known = f"{name.rpartition('/')[2]}.{key}"
            if known in self.values:
                self.problems.append(f"{name}: parameter {known!r} is also one of another chapter of that name")
            self.values[known] = Value(plain(value), judged)
        for key, entry in record.get("values", {}).items():
            if key in self.values:
                self.problems.append(f"{name}: value {key!r} is published twice in the book")
            self.values[key] = Value(entry["text"], judged and not entry["measured"])
        for key, entry in record.get("checks", {}).items():
            if key in self.checks:
                self.problems.append(f"{name}: check {key!r} is made twice in the book")
            self.checks[key] = Check(entry["holds"], entry["shown"], judged and not entry["measured"])

    def resolved(self, text: str, where: str) -> str:
        """The text for the site: values as computed, checks as `{check}` roles; problems are noted, with `where`."""

        def shown(kind: str, id: str, typed: str) -> str:
            return f"{{check}}`{id}`" if kind == "holds" else escaped(self.computed(kind, id) or typed)

        found = self._each(text, where, shown)
        self.problems += [f"{where}: this mark is not understood: “{each}”" for each in strays(found)]
        return re.sub(r" (?=\{check\}`)", "\N{NO-BREAK SPACE}", found)

    def plain(self, text: str, where: str | None = None) -> str:
        """The text for a notebook that somebody downloads: values as computed, checks as signs; problems as `resolved`."""

        def shown(kind: str, id: str, typed: str) -> str:
            if kind != "holds":
                return self.computed(kind, id) or typed
            check = self.checks.get(id)
            return "✓" if check is None or check.holds else f"(not so in this run: {check.shown})"

        return self._each(text, where, shown)

    def typed(self, text: str) -> str:
        """The source with each typed value as this build computed it, where it can be judged here."""

        def shown(kind: str, id: str, typed: str) -> str:
            value = None if kind == "holds" else self.values.get(_key(kind, id))
            known = value is not None and value.judged and not same(typed, value.text)
            return f"[{value.text if known and value else typed}]({kind}:{id})"

        return self._each(text, None, shown)

    def computed(self, kind: str, id: str) -> str | None:
        """Text of a value or verdict in this build."""
        value = self.values.get(_key(kind, id))
        return value.text if value else None

    def unknown(self) -> list[str]:
        """Ids that the texts seen so far refer to and no chapter published."""
        return sorted(self.used - {*self.values, *self.checks})

    def _each(self, text: str, where: str | None, shown: Callable[[str, str, str], str]) -> str:
        """The text with each mark as `shown` gives it, by kind, id and typed text."""

        def one(match: re.Match[str]) -> str:
            if match["code"] is not None:
                return match[0]
            kind, id, typed = match["kind"], match["id"], match["typed"]
            self.used.add(_key(kind, id))
            if where and (problem := self._wrong(kind, id, typed)):
                self.problems.append(f"{where}: {problem}: “{sentence(match.string, match.start())}”")
            return shown(kind, id, typed)

        parts = [*regions(text)]
        if where:
            titles = [found[0].strip() for is_code, part in parts if not is_code for found in TITLE.finditer(part)]
            self.problems += [f"{where}: a title cannot hold a check: “{each}”" for each in titles]
        return "".join(part if is_code else MARK.sub(one, part) for is_code, part in parts)

    def _wrong(self, kind: str, id: str, typed: str) -> str:
        if kind == "holds":
            check = self.checks.get(id)
            if check is None:
                return f"no chapter makes the check {id!r}"
            return f"{id!r} does not hold ({check.shown})" if check.judged and not check.holds else ""
        value = self.values.get(_key(kind, id))
        if value is None:
            return f"no chapter publishes the value {_key(kind, id)!r}"
        return f"{id!r} is {value.text!r}" if value.judged and not same(typed, value.text) else ""


def regions(text: str) -> Iterator[tuple[bool, str]]:
    """Parts of a Markdown text in order, and whether each is a block of code; what directives hold is prose."""
    open_fences: list[tuple[str, bool]] = []
    part: list[str] = []
    part_is_code = False
    for line in text.splitlines(keepends=True):
        found = FENCE.match(line)
        inside = bool(open_fences) and open_fences[-1][1]
        closes = bool(
            found and open_fences and line.strip().startswith(open_fences[-1][0]) and not line.strip().strip("`~:")
        )
        opens = bool(found and not closes and not inside)
        is_code = inside or (opens and found is not None and (found["name"] is None or found["name"] in SHOWN))
        if is_code != part_is_code:
            yield part_is_code, "".join(part)
            part, part_is_code = [], is_code
        part.append(line)
        if closes:
            open_fences.pop()
        elif opens and found is not None:
            open_fences.append((found["fence"], is_code))
    yield part_is_code, "".join(part)


def strays(text: str) -> Iterator[str]:
    """What is left in a page as a link to no place of the web, or as the text of a mark: Markdown decides what is one."""
    for token in PARSER.parse(text):
        if token.type in ("fence", "colon_fence") and (named := re.match(r"\{[\w:-]+\}", token.info.strip())):
            if named[0] not in SHOWN:
                yield from strays(f"{token.info.strip()[named.end() :]}\n\n{token.content}")
        elif token.children:
            yield from _stray_pieces(token.children)


def _stray_pieces(pieces: list[Token]) -> Iterator[str]:
    for before, piece in zip([None, *pieces], pieces, strict=False):
        role = piece.type == "code_inline" and before is not None and before.content.endswith("}")
        if piece.type == "link_open" and SCHEME.match(target := unquote(str(piece.attrGet("href")))):
            yield target
        elif role and (found := LOOSE.search(piece.content)):
            yield piece.content[found.start() :]
    text = "".join(piece.content for piece in pieces if piece.type == "text")
    yield from (text[found.start() :][:80] for found in LOOSE.finditer(text))


def plain(value: Any) -> str:
    """A parameter as prose types it: `1,000`, `20, 50 and 100`."""
    if isinstance(value, list):
        return listed(plain(each) for each in value)
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def same(typed: str, text: str) -> bool:
    """Whether a typed text is the computed one; kinds of white space do not count."""
    return " ".join(typed.split()) == " ".join(text.split())


def escaped(text: str) -> str:
    """A text as Markdown that shows it as it is."""
    return SPECIAL.sub(r"\\\1", text)


def sentence(text: str, place: int) -> str:
    """The sentence around a place in a page, its marks as the words they show."""
    begin = max((text.rfind(stop, 0, place) + len(stop) for stop in STOPS if stop in text[:place]), default=0)
    ends = [end for stop in STOPS if (end := text.find(stop, place)) >= 0]
    shown = MARK.sub(_word, text[begin : min(ends, default=len(text)) + 1])
    return " ".join(shown.split())


def _word(match: re.Match[str]) -> str:
    """A mark as the word that is typed, code as it is, and nothing of a comment."""
    return match["typed"] or (match[0] if match[0].startswith("`") else "")


def _key(kind: str, id: str) -> str:
    return f"ledger-{id.lower()}" if kind == "verdict" else id
