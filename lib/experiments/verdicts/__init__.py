"""Experiments of the chapter *verdicts*."""
