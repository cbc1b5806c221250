-- The tables of the run summaries. `summary` is the list item and `attempts` the rest of the detail,
-- both as the JSON that is served; what is asked for stands in columns before them.
CREATE TABLE runs (
    run INTEGER PRIMARY KEY,
    -- Microseconds since 1970; the least there is where the start is not known.
    started INTEGER NOT NULL,
    ended INTEGER,
    duration REAL,
    result TEXT,
    pipeline TEXT,
    -- The stages executed and those that failed: few runs of a pipeline differ in them.
    stages TEXT NOT NULL,
    failure_reason TEXT,
    last_position INTEGER NOT NULL,
    -- The bits of how far the last event lies behind the first: finds what was open at a position.
    reach INTEGER NOT NULL,
    -- Whether the run says that it started after its start was recorded.
    ahead INTEGER NOT NULL,
    summary TEXT NOT NULL,
    attempts TEXT NOT NULL
);

CREATE TABLE runs_metadata (
    run INTEGER NOT NULL,
    key TEXT NOT NULL,
    -- Text as it is, other values as their JSON.
    value TEXT NOT NULL,
    PRIMARY KEY (run, key)
) WITHOUT ROWID;
