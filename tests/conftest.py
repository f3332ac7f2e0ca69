"""One thread of BLAS and of torch in every test process: pytest runs one process a core, and more threads crawl."""

from __future__ import annotations

import os

import threadpoolctl

os.environ.setdefault("OMP_NUM_THREADS", "1")  # of torch, which is not imported yet
_limits = threadpoolctl.threadpool_limits(limits=1)
