"""Experiments of the chapter *performance/convergence*."""
