-- The read model: derived from the log, disposable, never migrated. Another version is a rebuild.

CREATE TABLE checkpoint (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    version INTEGER NOT NULL,
    ledger_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    leaf TEXT NOT NULL,
    -- The last position up to there that could be read: whose leaf hash it is.
    read_position INTEGER NOT NULL
);

-- What could not be read on the way, as long as no repair has passed over it.
CREATE TABLE out_of_reach (
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    segment TEXT NOT NULL,
    offset INTEGER NOT NULL,
    size INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (segment, offset, first)
);

-- `summary` is the list item and `attempts` the rest of the detail, both as the JSON that is served.
CREATE TABLE runs (
    run_id TEXT PRIMARY KEY,
    started_at TEXT NOT NULL,
    started_position INTEGER NOT NULL,
    result TEXT,
    pipeline TEXT,
    summary TEXT NOT NULL,
    attempts TEXT NOT NULL,
    state BLOB NOT NULL
);

CREATE INDEX runs_newest ON runs (started_at DESC, started_position DESC);
CREATE INDEX runs_by_result ON runs (result, started_at DESC, started_position DESC);

-- How many runs have each result; the empty text stands for runs that go on.
CREATE TABLE run_counts (
    result TEXT PRIMARY KEY,
    runs INTEGER NOT NULL
);
