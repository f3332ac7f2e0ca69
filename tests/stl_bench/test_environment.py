"""The environment of a measurement: what it records of this machine, and how it writes the command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from stl_bench.environment import blas_libraries, command_line, environment


def test_every_blas_library_is_recorded_with_its_kernels_and_its_threads() -> None:
    np.ones((2, 2)) @ np.ones((2, 2))
    with threadpool_limits(1, user_api="blas"):
        loaded = [one for one in threadpool_info() if one["user_api"] == "blas"]
        recorded = environment(0)["blas"]
    assert recorded
    assert [one["architecture"] for one in recorded] == [one.get("architecture") for one in loaded]
    assert [one["version"] for one in recorded] == [one["version"] for one in loaded]
    assert all(one["threads"] == 1 for one in recorded)


def test_an_openmp_runtime_is_no_blas() -> None:
    assert len(blas_libraries()) == sum(one["user_api"] == "blas" for one in threadpool_info())


def test_torchs_threads_and_all_versions_are_plain_json() -> None:
    found = json.loads(json.dumps(environment(7, "click")))
    assert found["machine"]["threads"] == torch.get_num_threads()
    assert found["seed"] == 7
    assert found["versions"]["torch"] == torch.__version__
    assert {"python", "strassen-tile", "numpy", "click"} <= set(found["versions"])


def test_torch_is_not_imported_for_it() -> None:
    code = (
        "import sys; from stl_bench.environment import environment; found = environment(0);"
        "sys.exit('torch' in sys.modules or 'threads' in found['machine'])"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_script_is_named_by_its_place_in_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "benchmarks" / "layer.py"
    monkeypatch.chdir(tmp_path)
    assert command_line([str(script), "--images", "a b"]) == "python benchmarks/layer.py --images 'a b'"
    monkeypatch.chdir(script.parent.parent.parent)
    assert command_line([str(script)]).endswith("benchmarks/layer.py")
    assert command_line(["/elsewhere/benchmarks/layer.py"]) == "python benchmarks/layer.py"
