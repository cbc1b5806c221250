-- The tables of the run summaries. `runs` is narrow, so that what is asked for is found without
-- reading what is served.
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
    last_position INTEGER NOT NULL,
    -- The bits of how far the last event lies behind the first: finds what was open at a position.
    reach INTEGER NOT NULL,
    -- Whether the run says that it started after its start was recorded, or after it ended.
    ahead INTEGER NOT NULL
);

-- The list item and the rest of the detail, both as the JSON that is served.
CREATE TABLE runs_details (
    run INTEGER PRIMARY KEY,
    summary TEXT NOT NULL,
    attempts TEXT NOT NULL
);

-- The reasons of failures as they are looked for: without the difference of upper and lower case.
CREATE TABLE runs_reasons (
    run INTEGER PRIMARY KEY,
    reason TEXT NOT NULL
);

CREATE TABLE runs_metadata (
    run INTEGER NOT NULL,
    key TEXT NOT NULL,
    -- Text as it is, other values as their JSON.
    value TEXT NOT NULL,
    PRIMARY KEY (run, key)
) WITHOUT ROWID;
