"""Experiments of the chapter *memory/gates*."""
