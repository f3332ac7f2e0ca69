"""Reading whole collections: many files, in several processes, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context

from catalog.interchange.listing import Source
from catalog.interchange.reading import Options, Reading, read_source

#: Fewer files are read in this process: others take a second to start.
FEW = 32
#: How many files a process reads at a time, and how many such batches wait for each process.
BATCH = 8
WAITING = 3


@dataclass(frozen=True)
class CollectionReader:
    """Reads files, each with all that is in it, in this process or in several.

    Parameters
    ----------
    options : Options
        How approximate schemes are read.
    kind : str or None
        The format of all files; None tells it by their content.
    known : container of str
        The fingerprints of what need not be read again.
    jobs : int
        The number of processes.
    prepare : callable or None
        What each process calls first.
    """

    options: Options
    kind: str | None = None
    known: Container[str] = frozenset()
    jobs: int = 1
    prepare: Callable[[], None] | None = None

    def read(self, sources: Sequence[Source]) -> Iterator[list[Reading]]:
        """Read files, in their order.

        A file whose reading ends its process, as for want of memory, gives a fault, and the others are read.

        Parameters
        ----------
        sources : sequence of Source
            The files.

        Yields
        ------
        list of Reading
            What is in one file.
        """
        if self.jobs < 2 or len(sources) < FEW:
            for source in sources:
                yield read_source(source, self.options, self.kind, self.known)
            return
        batches = iter([sources[at : at + BATCH] for at in range(0, len(sources), BATCH)])
        flights: deque[tuple[Sequence[Source], Future[list[list[Reading]]]]] = deque()
        pool = self._pool(self.jobs)
        try:
            while True:
                while len(flights) < WAITING * self.jobs and (batch := next(batches, None)) is not None:
                    flights.append((batch, self._submitted(pool, batch)))
                if not flights:
                    return
                batch, future = flights.popleft()
                try:
                    yield from future.result()
                except BrokenProcessPool:
                    pool.shutdown(wait=False, cancel_futures=True)
                    yield from map(self._alone, batch)
                    pool = self._pool(self.jobs)
                    flights = deque((one, self._submitted(pool, one)) for one, _ in flights)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _pool(self, jobs: int) -> ProcessPoolExecutor:
        # The known fingerprints go to each process once, not with every batch.
        reader = CollectionReader(self.options, self.kind, self.known)
        return ProcessPoolExecutor(jobs, get_context("spawn"), _start, (reader, self.prepare))

    def _submitted(self, pool: ProcessPoolExecutor, batch: Sequence[Source]) -> Future[list[list[Reading]]]:
        try:
            return pool.submit(_read_batch, batch)
        except BrokenProcessPool as error:
            broken: Future[list[list[Reading]]] = Future()
            broken.set_exception(error)
            return broken

    def _alone(self, source: Source) -> list[Reading]:
        """What is in one file, read in a process that only this file can end."""
        with self._pool(1) as pool:
            try:
                return pool.submit(_read_batch, [source]).result()[0]
            except BrokenProcessPool:
                fault = "reading it ended the process, perhaps for want of memory"
                return [Reading(source.path, self.kind or "unknown", fault=fault)]


#: In a process that reads for another: how.
_reader: CollectionReader | None = None


def _start(reader: CollectionReader, prepare: Callable[[], None] | None) -> None:
    import threadpoolctl

    global _reader  # noqa: PLW0603
    _reader = reader
    threadpoolctl.threadpool_limits(limits=1)  # the processes share the cores already
    if prepare is not None:
        prepare()


def _read_batch(batch: Sequence[Source]) -> list[list[Reading]]:
    assert _reader is not None
    return list(_reader.read(batch))
