"""Experiments of the chapter *applications/music*."""
