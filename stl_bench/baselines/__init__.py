"""What people would use instead: other ways to make linear layers cheaper, each with the convert shape of STL."""

from stl_bench.baselines.methods import BASELINES, Baseline, convert_baseline, multiplications

__all__ = ["BASELINES", "Baseline", "convert_baseline", "multiplications"]
