"""The CPU path: encode and decode as tiled parallel kernels around torch's own matrix products."""
