"""Experiments of the chapter *applications/on_device*."""
