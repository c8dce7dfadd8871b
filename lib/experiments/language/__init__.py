"""Experiments of the chapter *applications/language*."""
