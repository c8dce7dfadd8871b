"""Experiments of the chapter *outlook/attention*."""
