"""Experiments of the chapter *memory/recall*."""
