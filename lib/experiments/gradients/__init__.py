"""Experiments of the chapter *memory/gradients*."""
