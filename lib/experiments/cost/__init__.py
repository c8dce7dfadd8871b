"""Experiments of the chapter *performance/cost*."""
