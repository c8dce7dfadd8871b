"""Tasks: one file each, with data, a trivial baseline and a metric."""
