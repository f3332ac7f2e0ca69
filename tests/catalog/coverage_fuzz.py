"""Coverage-guided fuzzing of every reader of files: python -m tests.catalog.coverage_fuzz KIND [libFuzzer options].

KIND is a format of stl-catalog import, safetensors among them. Starts from one sound file of that kind; options such
as -max_total_time=60 or a folder to keep the corpus in are libFuzzer's. Ends with a traceback, and the bytes that
caused it in a file crash-…, where a reader raises, hangs (-timeout) or uses too much memory (-rss_limit_mb).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["catalog"]):
    from tests.catalog.test_fuzz import SEEDS, outcome


def main(kind: str, *options: str) -> None:
    """Fuzz the reader of one kind until libFuzzer's options end it."""
    if kind not in SEEDS:
        sys.exit(f"unknown kind {kind!r}; choose one of {', '.join(SEEDS)}")
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        (corpus / "sound").write_bytes(SEEDS[kind])
        path = Path(folder) / "file_L.sms"

        def read(content: bytes) -> None:
            path.write_bytes(content)
            outcome(path, kind)

        limits = ["-timeout=20", "-rss_limit_mb=2048", f"-artifact_prefix={folder}/"]
        # libFuzzer takes the last of options given twice, and leaves the process when it ends.
        atheris.Setup([sys.argv[0], *limits, *options, str(corpus)], read)
        atheris.Fuzz()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(f"name a kind of file: {', '.join(SEEDS)}")
    main(*sys.argv[1:])
