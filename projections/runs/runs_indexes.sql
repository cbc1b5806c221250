-- What is made when the rows of a rebuild are in, and kept up by SQLite from then on.
-- Each index ends with the run by itself. All are read from both ends, so none says DESC.
CREATE INDEX runs_newest ON runs (started);
CREATE INDEX runs_by_result ON runs (result, started);
-- Serves a pipeline without a result too: as one walk over each result there is.
CREATE INDEX runs_by_pipeline ON runs (pipeline, result, started);
-- The runs of a pipeline in the order of the log.
CREATE INDEX runs_in_order ON runs (pipeline);
CREATE INDEX runs_by_stages ON runs (stages);
CREATE INDEX runs_by_duration ON runs (duration);
CREATE INDEX runs_by_end ON runs (ended) WHERE ended IS NOT NULL;
CREATE INDEX runs_by_reach ON runs (reach);
CREATE INDEX runs_ahead ON runs (run) WHERE ahead;
CREATE INDEX runs_metadata_values ON runs_metadata (key, value);

-- Text in the reasons of failures, found by any three characters that follow each other.
CREATE VIRTUAL TABLE runs_failures USING fts5 (
    reason, content = 'runs_reasons', content_rowid = 'run', tokenize = 'trigram case_sensitive 1'
);
INSERT INTO runs_failures (rowid, reason) SELECT run, reason FROM runs_reasons;
CREATE TRIGGER runs_reason_added AFTER INSERT ON runs_reasons BEGIN
    INSERT INTO runs_failures (rowid, reason) VALUES (new.run, new.reason);
END;
CREATE TRIGGER runs_reason_removed AFTER DELETE ON runs_reasons BEGIN
    INSERT INTO runs_failures (runs_failures, rowid, reason) VALUES ('delete', old.run, old.reason);
END;

-- How many runs began in each hour since 1970, whose start is known: kept, for an activity over time
-- that costs what it shows. An hour before 1970 is rounded down too.
CREATE TABLE runs_hours (
    hour INTEGER NOT NULL,
    result TEXT NOT NULL,
    runs INTEGER NOT NULL,
    PRIMARY KEY (hour, result)
) WITHOUT ROWID;
INSERT INTO runs_hours
SELECT started / 3600000000 - (started % 3600000000 < 0), coalesce(result, ''), count(*)
FROM runs WHERE started > -9223372036854775808 GROUP BY 1, 2;

-- How many runs there are of each kind, and with each choice of stages: kept, not counted.
CREATE TABLE runs_counts (
    pipeline TEXT NOT NULL,
    result TEXT NOT NULL,
    runs INTEGER NOT NULL,
    PRIMARY KEY (pipeline, result)
) WITHOUT ROWID;
INSERT INTO runs_counts
SELECT coalesce(pipeline, ''), coalesce(result, ''), count(*) FROM runs GROUP BY pipeline, result;
CREATE TABLE runs_stage_sets (
    stages TEXT PRIMARY KEY,
    runs INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO runs_stage_sets SELECT stages, count(*) FROM runs GROUP BY stages;

CREATE TRIGGER runs_added AFTER INSERT ON runs BEGIN
    INSERT INTO runs_counts (pipeline, result, runs)
    VALUES (coalesce(new.pipeline, ''), coalesce(new.result, ''), 1)
    ON CONFLICT DO UPDATE SET runs = runs + 1;
    INSERT INTO runs_stage_sets (stages, runs) VALUES (new.stages, 1)
    ON CONFLICT DO UPDATE SET runs = runs + 1;
    INSERT INTO runs_hours (hour, result, runs)
    SELECT new.started / 3600000000 - (new.started % 3600000000 < 0), coalesce(new.result, ''), 1
    WHERE new.started > -9223372036854775808
    ON CONFLICT DO UPDATE SET runs = runs + 1;
END;
CREATE TRIGGER runs_removed AFTER DELETE ON runs BEGIN
    UPDATE runs_counts SET runs = runs - 1
    WHERE pipeline = coalesce(old.pipeline, '') AND result = coalesce(old.result, '');
    DELETE FROM runs_counts
    WHERE pipeline = coalesce(old.pipeline, '') AND result = coalesce(old.result, '') AND runs = 0;
    UPDATE runs_stage_sets SET runs = runs - 1 WHERE stages = old.stages;
    DELETE FROM runs_stage_sets WHERE stages = old.stages AND runs = 0;
    UPDATE runs_hours SET runs = runs - 1
    WHERE hour = old.started / 3600000000 - (old.started % 3600000000 < 0)
        AND result = coalesce(old.result, '');
    DELETE FROM runs_hours
    WHERE hour = old.started / 3600000000 - (old.started % 3600000000 < 0)
        AND result = coalesce(old.result, '') AND runs = 0;
END;
