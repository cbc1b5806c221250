"""Lists of runs and single runs, now and as they were."""
