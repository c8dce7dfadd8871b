"""Experiments of the chapter *applications/streaming*."""
