"""Experiments of the chapter *memory/sensors*."""
