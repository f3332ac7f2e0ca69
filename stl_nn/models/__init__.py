"""Pretrained networks from installed packages, the text they are measured on, and what is measured."""
