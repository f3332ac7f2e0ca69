"""What a report is made of: sections of charts and tables, each with where its figures come from."""

from __future__ import annotations

from dataclasses import dataclass, field

Cell = str | float | int | None


@dataclass(frozen=True)
class Chart:
    """A drawing as SVG text, and what it shows in words."""

    svg: str
    caption: str


@dataclass(frozen=True)
class Table:
    """Headings and rows of text; the first `words` columns and the last `remarks` are words, the rest figures.

    best    rows that stand out; a column says in words why
    groups  (row, heading): before that row a new group begins
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1
    best: frozenset[int] = frozenset()
    groups: tuple[tuple[int, str], ...] = ()
    remarks: int = 0

    def heading_before(self, row: int) -> str | None:
        """The heading of the group that begins with a row."""
        return dict(self.groups).get(row)

    def is_word(self, column: int) -> bool:
        """Whether a column holds words."""
        return column < self.words or column >= len(self.head) - self.remarks


@dataclass(frozen=True)
class Source:
    """Where figures come from: what they are of, the command, seed, date, machine, and versions of what it ran on."""

    what: str
    command: str
    seed: str
    date: str
    machine: str
    versions: str = ""


@dataclass
class Section:
    """One part of the report.

    lead     paragraphs in plain words: what is shown, and what it says
    lists    (heading, points): what is said point by point
    terms    (word, meaning)
    links    (words, address)
    missing  (what is not recorded, the command that makes it)
    opening  whether it stands first, in a box
    """

    id: str
    title: str
    lead: list[str] = field(default_factory=list)
    lists: list[tuple[str, list[str]]] = field(default_factory=list)
    terms: list[tuple[str, str]] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)
    opening: bool = False

    def markdown(self) -> str:
        """The section without its charts.

        >>> print(Section("x", "Title", ["Words."], tables=[Table("T", ("a", "b"), (("x", "1"),))]).markdown())
        ## Title
        <BLANKLINE>
        Words.
        <BLANKLINE>
        **T**
        <BLANKLINE>
        | a | b |
        |---|---:|
        | x | 1 |
        <BLANKLINE>
        """
        parts = [f"## {self.title}", "", *(f"{text}\n" for text in self.lead)]
        for heading, points in self.lists:
            parts += [f"**{heading}**", "", *(f"- {point}" for point in points), ""]
        parts += [f"- **{word}**: {meaning}" for word, meaning in self.terms] + [""] * bool(self.terms)
        parts += [f"- [{words}]({address})" for words, address in self.links] + [""] * bool(self.links)
        for table in self.tables:
            parts += [f"**{table.caption}**", "", *_lines(table), ""]
        if self.missing:
            parts += ["Not recorded yet:", "", *(f"- {what}: `{command}`" for what, command in self.missing), ""]
        if self.sources:
            parts += ["Made by:", ""]
            parts += [f"- {s.what}: `{s.command}` ({_circumstances(s)})" for s in self.sources]
            parts += [""]
        return "\n".join(parts)


def _lines(table: Table) -> list[str]:
    columns = range(len(table.head))
    lines = [_line(table.head), "|" + "".join("---|" if table.is_word(i) else "---:|" for i in columns)]
    for number, row in enumerate(table.rows):
        heading = table.heading_before(number)
        lines += [] if heading is None else [_line((f"*{heading}*", *[""] * (len(table.head) - 1)))]
        lines.append(_line(row))
    return lines


def _circumstances(source: Source) -> str:
    return ", ".join(filter(None, (f"seed {source.seed}", source.date, source.machine, source.versions)))


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
