"""The science of the book: gated recurrent cells, tasks, training, runs, statistics and verdicts."""
