-- What is made when the rows of a rebuild are in, and kept up by SQLite from then on.
CREATE INDEX runs_newest ON runs (started DESC, run DESC);
CREATE INDEX runs_by_result ON runs (result, started DESC, run DESC);
CREATE INDEX runs_by_pipeline ON runs (pipeline, started DESC, run DESC);
CREATE INDEX runs_by_both ON runs (pipeline, result, started DESC, run DESC);
CREATE INDEX runs_by_stages ON runs (stages, started DESC, run DESC);
CREATE INDEX runs_by_duration ON runs (duration DESC, run DESC);
CREATE INDEX runs_by_end ON runs (ended DESC, run DESC) WHERE ended IS NOT NULL;
CREATE INDEX runs_by_reach ON runs (reach, run);
CREATE INDEX runs_ahead ON runs (run) WHERE ahead;
CREATE INDEX runs_metadata_values ON runs_metadata (key, value, run DESC);

-- Text in the reasons of failures, found by any three characters that follow each other.
CREATE VIRTUAL TABLE runs_failures USING fts5 (
    failure_reason, content = 'runs', content_rowid = 'run', tokenize = 'trigram'
);
INSERT INTO runs_failures (rowid, failure_reason)
SELECT run, failure_reason FROM runs WHERE failure_reason IS NOT NULL;

-- How many runs there are of each kind: kept, not counted.
CREATE TABLE runs_counts (
    result TEXT NOT NULL,
    pipeline TEXT NOT NULL,
    stages TEXT NOT NULL,
    runs INTEGER NOT NULL,
    PRIMARY KEY (result, pipeline, stages)
) WITHOUT ROWID;
INSERT INTO runs_counts
SELECT coalesce(result, ''), coalesce(pipeline, ''), stages, count(*) FROM runs GROUP BY 1, 2, 3;

CREATE TRIGGER runs_added AFTER INSERT ON runs BEGIN
    INSERT INTO runs_counts (result, pipeline, stages, runs)
    VALUES (coalesce(new.result, ''), coalesce(new.pipeline, ''), new.stages, 1)
    ON CONFLICT DO UPDATE SET runs = runs + 1;
END;
CREATE TRIGGER runs_removed AFTER DELETE ON runs BEGIN
    UPDATE runs_counts SET runs = runs - 1
    WHERE result = coalesce(old.result, '') AND pipeline = coalesce(old.pipeline, '')
        AND stages = old.stages;
    DELETE FROM runs_counts
    WHERE result = coalesce(old.result, '') AND pipeline = coalesce(old.pipeline, '')
        AND stages = old.stages AND runs = 0;
END;
CREATE TRIGGER runs_reason_added AFTER INSERT ON runs WHEN new.failure_reason IS NOT NULL BEGIN
    INSERT INTO runs_failures (rowid, failure_reason) VALUES (new.run, new.failure_reason);
END;
CREATE TRIGGER runs_reason_removed AFTER DELETE ON runs WHEN old.failure_reason IS NOT NULL BEGIN
    INSERT INTO runs_failures (runs_failures, rowid, failure_reason)
    VALUES ('delete', old.run, old.failure_reason);
END;
