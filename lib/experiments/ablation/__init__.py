"""Experiments of the chapter *architecture/ablation*."""
