"""Runs of the chapters: pure functions of a configuration, one module a chapter."""
