"""What makes a result: parameters, sweeps, the store and lock of runs, statistics, verdicts, figures."""
