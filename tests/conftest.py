"""One BLAS thread in every test process: pytest runs one process a core, and more threads than cores crawl."""

from __future__ import annotations

import threadpoolctl

_limits = threadpoolctl.threadpool_limits(limits=1)
