"""Metrics as curves: points by x, axes, smoothing, and pictures of them; the command line and the UI share it."""
