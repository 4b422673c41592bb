"""Fetching data from the net for a dataset: asked for, downloaded, checked, unpacked, made a version."""
