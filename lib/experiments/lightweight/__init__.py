"""Experiments of the chapter *outlook/lightweight*."""
