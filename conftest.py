"""What is collected where an extra is missing."""

from importlib.util import find_spec

# Triton kernels can only be imported where triton is; their tests say that they skip.
collect_ignore = [] if find_spec("triton") else ["stl_nn/gpu/kernels.py"]
# The batched search is the one part of `search` that needs torch.
collect_ignore_glob = [] if find_spec("torch") else ["search/numerics/batched/*.py"]
