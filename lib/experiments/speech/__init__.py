"""Experiments of the chapter *applications/speech*."""
