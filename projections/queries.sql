-- read_checkpoint --
SELECT version, ledger_id, position, leaf, read_position FROM checkpoint

-- begin_checkpoint --
INSERT INTO checkpoint (only, version, ledger_id, position, leaf, read_position)
VALUES (1, ?, ?, ?, ?, ?)

-- move_checkpoint --
UPDATE checkpoint SET position = ?, leaf = ?, read_position = ?

-- put_out_of_reach --
INSERT OR REPLACE INTO out_of_reach (first, last, segment, offset, size, reason)
VALUES (?, ?, ?, ?, ?, ?)

-- drop_out_of_reach --
DELETE FROM out_of_reach WHERE segment = ? AND offset = ?

-- out_of_reach --
SELECT first, last, segment, offset, size, reason FROM out_of_reach ORDER BY first, offset

-- read_state --
SELECT state, coalesce(result, '') FROM runs WHERE run_id = ?

-- put_run --
INSERT INTO runs (run_id, started_at, started_position, result, pipeline, summary, attempts, state)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (run_id) DO UPDATE SET
    started_at = excluded.started_at,
    started_position = excluded.started_position,
    result = excluded.result,
    pipeline = excluded.pipeline,
    summary = excluded.summary,
    attempts = excluded.attempts,
    state = excluded.state

-- count_run --
INSERT INTO run_counts (result, runs) VALUES (?, ?)
ON CONFLICT (result) DO UPDATE SET runs = runs + excluded.runs

-- newest_runs --
SELECT summary, attempts FROM runs ORDER BY started_at DESC, started_position DESC LIMIT ?

-- newest_runs_by_result --
SELECT summary, attempts FROM runs
WHERE result = ? ORDER BY started_at DESC, started_position DESC LIMIT ?

-- running_runs --
SELECT summary, attempts FROM runs
WHERE result IS NULL ORDER BY started_at DESC, started_position DESC

-- one_run --
SELECT summary, attempts FROM runs WHERE run_id = ?

-- runs_by_prefix --
SELECT run_id FROM runs WHERE run_id >= ? AND run_id < ? ORDER BY run_id LIMIT ?

-- count_all --
SELECT coalesce(sum(runs), 0) FROM run_counts

-- count_by_result --
SELECT coalesce(sum(runs), 0) FROM run_counts WHERE result = ?

-- dump_runs --
SELECT run_id, summary, attempts FROM runs ORDER BY run_id
