-- Each failed attempt; and each run that failed though no stage of it did, without a stage.
CREATE TABLE failures (
    run INTEGER NOT NULL,
    position INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    stage TEXT,
    attempt INTEGER,
    -- Whether another attempt of the stage followed: then it is no failure that stands.
    retried INTEGER NOT NULL,
    error_type TEXT NOT NULL,
    -- The message without its values, and the message as it is, shortened.
    blanked TEXT NOT NULL,
    sample TEXT NOT NULL,
    pipeline TEXT,
    code_version TEXT,
    -- Microseconds since 1970.
    failed INTEGER NOT NULL,
    PRIMARY KEY (run, position)
) WITHOUT ROWID;
