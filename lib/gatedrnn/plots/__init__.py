"""Figures of the chapters, one module a chapter."""
