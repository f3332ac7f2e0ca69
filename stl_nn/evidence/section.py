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
    """Headings and rows of text; the first `words` columns are words, the rest figures. `best` rows stand out."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1
    best: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Source:
    """Where figures come from: what they are of, the command, seed, date and machine."""

    what: str
    command: str
    seed: str
    date: str
    machine: str


@dataclass
class Section:
    """One part of the report.

    lead     paragraphs in plain words: what is shown, and what it says
    missing  (what is not recorded, the command that makes it)
    """

    id: str
    title: str
    lead: list[str] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)

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
        for table in self.tables:
            rule = "".join("---|" if i < table.words else "---:|" for i in range(len(table.head)))
            parts += [f"**{table.caption}**", "", _line(table.head), f"|{rule}", *map(_line, table.rows), ""]
        if self.missing:
            parts += ["Not recorded yet:", "", *(f"- {what}: `{command}`" for what, command in self.missing), ""]
        if self.sources:
            parts += ["Made by:", ""]
            parts += [f"- {s.what}: `{s.command}` (seed {s.seed}, {s.date}, {s.machine})" for s in self.sources]
            parts += [""]
        return "\n".join(parts)


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
