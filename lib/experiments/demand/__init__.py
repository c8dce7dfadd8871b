"""Experiments of the chapter *applications/demand*."""
