-- What happened in each slot of time, by pipeline and stage. The pipeline is empty for runs that
-- have none, the stage for the runs themselves.
CREATE TABLE statistics (
    -- How long the slot is, and when it begins, in seconds since 1970.
    width INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    pipeline TEXT NOT NULL,
    stage TEXT NOT NULL,
    -- How many ended with each result, retries, flaky ones; durations by the number of their
    -- bucket in the histogram, and the longest.
    counts TEXT NOT NULL,
    PRIMARY KEY (width, pipeline, slot, stage)
) WITHOUT ROWID;
