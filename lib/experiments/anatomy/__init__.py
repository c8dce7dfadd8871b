"""Experiments of the chapter *architecture/anatomy*."""
