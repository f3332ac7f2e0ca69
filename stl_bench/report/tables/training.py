"""The table of networks trained from scratch."""

from __future__ import annotations

from stl_algebra import InvalidInput
from stl_bench.records import Record, reading
from stl_bench.report.tables.markdown import measured_together, with_sources
from stl_bench.report.training import COMMAND, settings_table, variants_table
from stl_bench.report.trainings import trainings_of


def vision_transformer(records: list[Record]) -> str:
    """Tabulate the accuracy that vision transformers end at, dense and with STL layers.

    Parameters
    ----------
    records : list[Record]
        Those of the benchmark `train_vit`: one setting, and others that change one thing of it.

    Returns
    -------
    str
        Markdown: a table of the setting with the most runs, and one of the others.

    Raises
    ------
    InvalidInput
        If no run is recorded.
    """
    trainings = trainings_of(records)
    if not trainings or not trainings[0].cells:
        raise InvalidInput(f"no run of training is recorded; make some with: {COMMAND}")
    main, others = trainings[0], {trainings[0].difference(other): other for other in trainings[1:]}
    with reading(records[0]):
        tables = [variants_table(main.groups)] + [settings_table(others)] * bool(others)
        cells = [cell for training in trainings for cell in training.cells]
        return with_sources(tables, [measured_together(cells, COMMAND)], captions=True)
