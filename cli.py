"""The three commands: stl-search, stl-catalog and stl-bench."""

from __future__ import annotations

from strassen_tile.commands.kit.reporting import ReportingGroup
from strassen_tile.commands.search import search_command

__all__ = ["bench_command", "catalog_command", "search_command"]

catalog_command = ReportingGroup(
    "stl-catalog",
    {
        "list": "strassen_tile.commands.catalog.list:list_command",
        "show": "strassen_tile.commands.catalog.show:show_command",
        "records": "strassen_tile.commands.catalog.records:records_command",
        "compare": "strassen_tile.commands.catalog.compare:compare_command",
        "plot": "strassen_tile.commands.catalog.plot:plot_command",
        "site": "strassen_tile.commands.catalog.site:site_command",
        "verify": "strassen_tile.commands.catalog.verify:verify_command",
        "export": "strassen_tile.commands.catalog.export:export_command",
        "import": "strassen_tile.commands.catalog.import_:import_command",
        "remove": "strassen_tile.commands.catalog.remove:remove_command",
        "replay": "strassen_tile.commands.catalog.replay:replay_command",
        "stats": "strassen_tile.commands.catalog.stats:stats_command",
        "reindex": "strassen_tile.commands.catalog.reindex:reindex_command",
    },
    help="Browse, check and exchange tile encoders.",
)

bench_command = ReportingGroup(
    "stl-bench",
    {
        "matmul": "stl_bench.commands.matmul:matmul_command",
        "layer": "stl_bench.commands.layer:layer_command",
        "model": "stl_bench.commands.model:model_command",
        "report": "stl_bench.commands.report:report_command",
        "moments": "stl_bench.commands.moments:moments_command",
        "search": "stl_bench.commands.search:search_bench_command",
    },
    help="Measure encoders, layers and whole networks.",
)
