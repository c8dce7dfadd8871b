"""Experiments of the chapter *memory/counting*."""
