"""Experiments of the chapter *performance/data_size*."""
