"""The GPU path: Triton kernels that encode and decode around torch.bmm."""
