-- What every read model has, whatever it projects. Derived from the log, disposable, never migrated.

CREATE TABLE checkpoint (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    version INTEGER NOT NULL,
    ledger_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    leaf TEXT NOT NULL,
    -- The last position up to there that could be read: whose leaf hash it is.
    read_position INTEGER NOT NULL
);

-- What is projected, and the tables that hold the rows of each.
CREATE TABLE projections (
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL
);

CREATE TABLE projection_tables (
    projection TEXT NOT NULL,
    name TEXT PRIMARY KEY
);

-- The tables that hold what runs come to together.
CREATE TABLE tally_tables (
    projection TEXT NOT NULL,
    name TEXT PRIMARY KEY
);

-- `run` is the position of the run's first event: short, and the same in every generation.
CREATE TABLE run_ids (
    run_id TEXT PRIMARY KEY,
    run INTEGER NOT NULL
) WITHOUT ROWID;

-- The states of runs that go on, so that folding can go on. Those of ended runs are not kept.
CREATE TABLE open_states (
    run INTEGER NOT NULL,
    projection TEXT NOT NULL,
    state BLOB NOT NULL,
    PRIMARY KEY (run, projection)
) WITHOUT ROWID;

-- Events that a projection could not take: it went on without them.
CREATE TABLE parked (
    projection TEXT NOT NULL,
    position INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    type TEXT NOT NULL,
    error TEXT NOT NULL,
    PRIMARY KEY (projection, position)
) WITHOUT ROWID;

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

-- The failures that people have acknowledged: such an event belongs to no run.
CREATE TABLE acknowledgements (
    position INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    note TEXT NOT NULL,
    actor TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE INDEX acknowledgements_by_fingerprint ON acknowledgements (fingerprint, position);
