"""What a report is made of: sections of charts and tables, each with the sources of its figures."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Chart:
    """A drawing and what it shows.

    Parameters
    ----------
    svg : str
        The drawing as SVG text.
    caption : str
        What it shows, in words.
    """

    svg: str
    caption: str


@dataclass(frozen=True)
class Table:
    """Headings and rows of text; the first and the last columns are words, the rest figures.

    Parameters
    ----------
    caption : str
        What the table shows.
    head : tuple[str, ...]
        The headings.
    rows : tuple[tuple[str, ...], ...]
        The rows, as long as the headings.
    words : int
        The number of first columns that are words.
    best : frozenset[int]
        Rows that stand out; a column says in words why.
    groups : tuple[tuple[int, str], ...]
        (row, heading): a new group begins before that row.
    remarks : int
        The number of last columns that are words.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1
    best: frozenset[int] = frozenset()
    groups: tuple[tuple[int, str], ...] = ()
    remarks: int = 0

    def heading_before(self, row: int) -> str | None:
        """Return the heading of the group that begins with a row.

        Parameters
        ----------
        row : int
            The number of the row.

        Returns
        -------
        str | None
            The heading, or None if no group begins there.
        """
        return dict(self.groups).get(row)

    def is_word(self, column: int) -> bool:
        """Return whether a column holds words.

        Parameters
        ----------
        column : int
            The number of the column.

        Returns
        -------
        bool
            Whether it does.
        """
        return column < self.words or column >= len(self.head) - self.remarks

    def markdown(self) -> str:
        """Write the table without its caption; figures stand on the right.

        Returns
        -------
        str
            Markdown.

        Examples
        --------
        >>> print(Table("T", ("a", "b"), (("x", "1"),)).markdown())
        | a | b |
        |---|---:|
        | x | 1 |
        """
        columns = range(len(self.head))
        lines = [_line(self.head), "|" + "".join("---|" if self.is_word(i) else "---:|" for i in columns)]
        for number, row in enumerate(self.rows):
            heading = self.heading_before(number)
            lines += [] if heading is None else [_line((f"*{heading}*", *[""] * (len(self.head) - 1)))]
            lines.append(_line(row))
        return "\n".join(lines)


@dataclass(frozen=True)
class Source:
    """Where figures come from.

    Parameters
    ----------
    what : str
        What the figures are of.
    command : str
        The command that measured them.
    seed : str
        Its seed.
    date : str
        Its date.
    machine : str
        The machine.
    versions : str
        The versions of what it ran on.
    """

    what: str
    command: str
    seed: str
    date: str
    machine: str
    versions: str = ""

    @property
    def words(self) -> str:
        """Seed, date, machine and versions.

        >>> Source("one layer", "stl-bench layer", "0", "2026-01-01 00:00", "P, 2 cores").words
        'seed 0, 2026-01-01 00:00, P, 2 cores'
        """
        return ", ".join(filter(None, (f"seed {self.seed}", self.date, self.machine, self.versions)))


@dataclass
class Section:
    """One part of the report.

    Parameters
    ----------
    id : str
        Its identifier on the page.
    title : str
        Its title.
    lead : list[str]
        Paragraphs: what is shown, and what it says.
    lists : list[tuple[str, list[str]]]
        (heading, points).
    terms : list[tuple[str, str]]
        (word, meaning).
    links : list[tuple[str, str]]
        (words, address).
    charts : list[Chart]
        Its charts.
    tables : list[Table]
        Its tables.
    sources : list[Source]
        Where its figures come from.
    missing : list[tuple[str, str]]
        (what is not recorded, the command that measures it).
    opening : bool
        Whether it stands first, in a box.
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
        """Write the section without its charts.

        Returns
        -------
        str
            Markdown.

        Examples
        --------
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
            parts += [f"**{table.caption}**", "", table.markdown(), ""]
        if self.missing:
            parts += ["Not recorded yet:", "", *(f"- {what}: `{command}`" for what, command in self.missing), ""]
        if self.sources:
            parts += ["Made by:", ""]
            parts += [f"- {s.what}: `{s.command}` ({s.words})" for s in self.sources]
            parts += [""]
        return "\n".join(parts)


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
