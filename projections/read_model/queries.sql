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

-- projected --
SELECT name, version FROM projections

-- put_projection --
INSERT INTO projections (name, version) VALUES (?, ?)

-- projection_tables --
SELECT projection, name FROM projection_tables ORDER BY name

-- put_projection_table --
INSERT INTO projection_tables (projection, name) VALUES (?, ?)

-- tally_tables --
SELECT projection, name FROM tally_tables ORDER BY name

-- put_tally_table --
INSERT INTO tally_tables (projection, name) VALUES (?, ?)

-- tables --
SELECT name FROM sqlite_master WHERE type = 'table'

-- first_column --
SELECT name FROM pragma_table_info(?) WHERE cid = 0

-- column_count --
SELECT count(*) FROM pragma_table_info(?)

-- table_columns --
SELECT name, pk FROM pragma_table_info(?) ORDER BY cid

-- kept_tables --
WITH owner (name) AS (VALUES (?))
SELECT made.name, made.rootpage = 0, made.sql LIKE '% USING fts5%' FROM sqlite_master AS made, owner
WHERE made.type = 'table' AND made.name NOT IN (SELECT name FROM projection_tables)
    AND (made.name = owner.name
        OR substr(made.name, 1, length(owner.name) + 1) = owner.name || '_')

-- runs_in_order --
SELECT run, run_id FROM run_ids ORDER BY run, run_id

-- find_run --
SELECT run FROM run_ids WHERE run_id = ?

-- add_run --
INSERT INTO run_ids (run_id, run) VALUES (?, ?)

-- read_states --
SELECT projection, state FROM open_states WHERE run = ?

-- put_state --
INSERT INTO open_states (run, projection, state) VALUES (?, ?, ?)

-- drop_states --
DELETE FROM open_states WHERE run = ?

-- park --
INSERT OR IGNORE INTO parked (projection, position, run_id, type, error) VALUES (?, ?, ?, ?, ?)

-- any_parked --
SELECT 1 FROM parked WHERE projection = ? AND type IN ('rows', 'state') LIMIT 1

-- take_back --
DELETE FROM parked WHERE projection = ? AND run_id = ? AND type IN ('rows', 'state')

-- parked --
SELECT projection, position, run_id, type, error FROM parked ORDER BY position, projection

-- one_run --
SELECT summary, attempts FROM runs_details WHERE run = (SELECT run FROM run_ids WHERE run_id = ?)

-- run_in_time --
SELECT run, last_position FROM runs WHERE run = (SELECT run FROM run_ids WHERE run_id = ?)

-- runs_by_prefix --
SELECT run_id FROM run_ids WHERE run_id >= ? AND run_id < ? ORDER BY run_id LIMIT ?

-- pipelines_of --
SELECT run_id, pipeline FROM json_each(?) AS asked
CROSS JOIN run_ids ON run_ids.run_id = asked.value CROSS JOIN runs USING (run)
WHERE pipeline IS NOT NULL

-- count_kept --
SELECT coalesce(sum(runs), 0) FROM runs_counts WHERE ? IS NULL OR result = ?

-- count_kept_of_pipeline --
SELECT coalesce(sum(runs), 0) FROM runs_counts WHERE pipeline = ? AND (? IS NULL OR result = ?)

-- counts_kept --
SELECT pipeline, result, runs FROM runs_counts
WHERE runs > 0 AND (:pipeline IS NULL OR pipeline = :pipeline)

-- last_success --
SELECT ended FROM runs INDEXED BY runs_by_pipeline
WHERE pipeline IS ? AND result = 'success' ORDER BY started DESC, run DESC LIMIT 1

-- reaches --
WITH RECURSIVE each (reach) AS (
    SELECT min(reach) FROM runs
    UNION ALL
    SELECT (SELECT min(reach) FROM runs WHERE reach > each.reach) FROM each WHERE reach IS NOT NULL
)
SELECT reach FROM each WHERE reach IS NOT NULL

-- runs_over --
SELECT run, json_extract(summary, '$.run_id')
FROM runs INDEXED BY runs_by_reach CROSS JOIN runs_details USING (run)
WHERE reach = ? AND run > ? AND run <= ? AND last_position > ?

-- runs_of_pipeline --
SELECT run_id FROM json_each(:run_ids) AS asked CROSS JOIN run_ids ON run_id = asked.value
CROSS JOIN runs USING (run) WHERE pipeline = :pipeline

-- dump_runs --
SELECT run_id, summary, attempts FROM runs_details JOIN run_ids USING (run) ORDER BY run_id

-- lacks_nothing --
SELECT NOT EXISTS (SELECT 1 FROM out_of_reach) AND NOT EXISTS (SELECT 1 FROM parked)

-- degraded --
SELECT projection, count(*), min(position) FROM parked GROUP BY projection ORDER BY projection

-- put_acknowledgement --
INSERT OR REPLACE INTO acknowledgements (position, fingerprint, note, actor, at)
VALUES (?, ?, ?, ?, ?)

-- last_acknowledgements --
SELECT fingerprint, max(position) AS position, note, actor, at FROM acknowledgements
GROUP BY fingerprint ORDER BY fingerprint

-- came_back --
WITH failed AS MATERIALIZED (
    SELECT stage FROM failures INDEXED BY failures_by_fingerprint
    WHERE fingerprint = :fingerprint LIMIT 1
), last AS MATERIALIZED (
    SELECT pipeline, max(run) AS run FROM failures INDEXED BY failures_by_fingerprint
    WHERE fingerprint = :fingerprint AND NOT retried AND position > :position GROUP BY pipeline
), passing AS MATERIALIZED (
    -- Few runs differ in their stages, so that most are told without reading their attempts.
    SELECT stages FROM runs_stage_sets CROSS JOIN failed WHERE stage IS NULL OR (
        EXISTS (SELECT 1 FROM json_each(stages, '$[0]') WHERE value = stage)
        AND NOT EXISTS (SELECT 1 FROM json_each(stages, '$[1]') WHERE value = stage)
    )
)
SELECT EXISTS (
    SELECT 1 FROM failed CROSS JOIN last
    CROSS JOIN runs INDEXED BY runs_in_order
    ON runs.pipeline = last.pipeline AND runs.run > :position AND runs.run < last.run
    CROSS JOIN runs_details ON runs_details.run = runs.run
    WHERE runs.stages IN passing AND CASE
        WHEN failed.stage IS NULL THEN runs.result = 'success'
        ELSE EXISTS (
            SELECT 1 FROM json_each(runs_details.attempts) AS tried
            WHERE json_extract(tried.value, '$.stage') = failed.stage
                AND json_extract(tried.value, '$.result') = 'success'
        )
    END
)

-- failure_groups --
WITH counted AS MATERIALIZED (
    SELECT fingerprint, count(*) AS failures, sum(retried) AS retried,
        count(DISTINCT run) AS runs, max(position) AS last
    FROM failures INDEXED BY failures_by_fingerprint
    WHERE (:since IS NULL OR failed >= :since) AND (:pipeline IS NULL OR pipeline = :pipeline)
    GROUP BY fingerprint
), found AS MATERIALIZED (
    SELECT *,
        CASE
            WHEN retried = failures THEN 'flaky'
            WHEN fingerprint IN (SELECT value FROM json_each(:acknowledged)) THEN 'acknowledged'
            ELSE 'open'
        END AS state
    FROM counted
    WHERE (:new_since IS NULL OR NOT EXISTS (
        SELECT 1 FROM failures AS old INDEXED BY failures_by_fingerprint
        WHERE old.fingerprint = counted.fingerprint AND old.failed < :new_since
            AND (:pipeline IS NULL OR old.pipeline = :pipeline)
    )) AND (:new_run IS NULL OR NOT EXISTS (
        SELECT 1 FROM failures AS old INDEXED BY failures_by_fingerprint
        WHERE old.fingerprint = counted.fingerprint AND old.run < :new_run
            AND (:pipeline IS NULL OR old.pipeline = :pipeline)
    ))
)
SELECT (SELECT count(*) FROM found WHERE :state IS NULL OR state = :state),
    (SELECT count(*) FROM found WHERE state = 'acknowledged'),
    (SELECT count(*) FROM found WHERE state = 'flaky'),
    page.*,
    (SELECT json_group_array(DISTINCT pipeline) FROM failures INDEXED BY failures_by_fingerprint
        WHERE fingerprint = page.fingerprint AND pipeline IS NOT NULL),
    (SELECT min(position) FROM failures INDEXED BY failures_by_fingerprint
        WHERE fingerprint = page.fingerprint AND (:pipeline IS NULL OR pipeline = :pipeline))
FROM (SELECT 1) LEFT JOIN (
    SELECT fingerprint, state, failures, retried, runs, last
    FROM found WHERE :state IS NULL OR state = :state ORDER BY last DESC LIMIT :limit
) AS page
ORDER BY last DESC

-- failure_at --
SELECT failed, position, json_extract(summary, '$.run_id'), code_version,
    stage, error_type, blanked, sample
FROM failures INDEXED BY failures_by_fingerprint CROSS JOIN runs_details USING (run)
WHERE fingerprint = ? AND position IN (?, ?) ORDER BY position

-- first_run_of_version --
SELECT min(run) FROM failures WHERE code_version = ?

-- fingerprints_by_prefix --
SELECT DISTINCT fingerprint FROM failures INDEXED BY failures_by_fingerprint
WHERE fingerprint >= ? AND fingerprint < ? ORDER BY fingerprint LIMIT ?

-- first_and_last_hour --
SELECT min(hour), max(hour) FROM runs_hours

-- activity_by_hours --
SELECT (hour - :first) / :hours AS slot, result, sum(runs) FROM runs_hours
WHERE hour >= :first AND hour < :end GROUP BY slot, result

-- activity_of_pipeline --
SELECT (started - :begin) / :width AS slot, coalesce(result, ''), count(*)
FROM runs INDEXED BY runs_by_pipeline
WHERE pipeline = :pipeline AND (result IN ('success', 'failed', 'stopped') OR result IS NULL)
    AND started >= :begin AND started < :end GROUP BY slot, result

-- activity_by_start --
SELECT (started - :begin) / :width AS slot, coalesce(result, ''), count(*)
FROM runs INDEXED BY runs_newest
WHERE started >= :begin AND started < :end GROUP BY slot, result

-- pipelines --
SELECT DISTINCT pipeline FROM runs_counts WHERE pipeline != '' ORDER BY pipeline

-- any_run_of --
SELECT 1 FROM runs INDEXED BY runs_in_order WHERE pipeline = ? LIMIT 1

-- success_before --
SELECT summary, attempts FROM runs_details WHERE run = (
    SELECT run FROM runs INDEXED BY runs_in_order
    WHERE pipeline = ? AND result = 'success' AND run < ? ORDER BY run DESC LIMIT 1
)

-- going_on_of --
SELECT summary FROM runs INDEXED BY runs_by_pipeline CROSS JOIN runs_details USING (run)
WHERE pipeline = ? AND result IS NULL ORDER BY run

-- given_up_of --
SELECT summary FROM (
    SELECT run FROM runs INDEXED BY runs_in_order
    WHERE pipeline = ? AND run > ? AND result = 'failed' AND duration IS NULL
    ORDER BY run DESC LIMIT ?
) CROSS JOIN runs_details USING (run) ORDER BY run

-- statistics_pipelines --
WITH RECURSIVE each (pipeline) AS (
    SELECT min(pipeline) FROM statistics WHERE width = :width
    UNION ALL
    SELECT (SELECT min(pipeline) FROM statistics WHERE width = :width AND pipeline > each.pipeline)
    FROM each WHERE pipeline IS NOT NULL
)
SELECT pipeline FROM each WHERE pipeline IS NOT NULL AND (:pipeline IS NULL OR pipeline = :pipeline)

-- statistics_slots --
SELECT DISTINCT slot FROM json_each(:pipelines) AS name CROSS JOIN statistics
ON width = :width AND pipeline = name.value AND slot > :since - :width AND slot < :until
ORDER BY slot

-- statistics_counts --
WITH some (place, width, first, last) AS MATERIALIZED (
    SELECT key, json_extract(value, '$[0]'), json_extract(value, '$[1]'),
        json_extract(value, '$[2]') FROM json_each(:slots)
)
SELECT place, pipeline, stage, counts
FROM json_each(:pipelines) AS name CROSS JOIN some CROSS JOIN statistics
ON statistics.width = some.width AND pipeline = name.value AND slot >= first AND slot < last

-- place_of_run --
SELECT pipeline, started, run FROM runs WHERE run = (SELECT run FROM run_ids WHERE run_id = ?)

-- successes_before --
SELECT run, duration, attempts
FROM runs INDEXED BY runs_by_pipeline CROSS JOIN runs_details USING (run)
WHERE pipeline = :pipeline AND result = 'success' AND (started, run) < (:started, :run)
ORDER BY started DESC, run DESC LIMIT :limit

-- successes_since --
SELECT run, started, duration, attempts
FROM runs INDEXED BY runs_by_pipeline CROSS JOIN runs_details USING (run)
WHERE pipeline = :pipeline AND result = 'success' AND started >= :since AND started < :until
ORDER BY started, run

-- newest_success --
SELECT run FROM runs INDEXED BY runs_by_pipeline WHERE pipeline = ? AND result = 'success'
ORDER BY started DESC, run DESC LIMIT 1

-- run_in_detail --
SELECT json_extract(summary, '$.run_id'), pipeline, started, run, result, duration, attempts
FROM runs CROSS JOIN runs_details USING (run) WHERE run = ?

-- last_runs_of --
SELECT json_extract(summary, '$.run_id'), result, started, duration FROM (
    SELECT run, result, started, duration FROM runs INDEXED BY runs_in_order
    WHERE pipeline IS ? ORDER BY run DESC LIMIT ?
) CROSS JOIN runs_details USING (run) ORDER BY run

-- last_runs_in_detail --
SELECT run, result, started, duration, summary, attempts FROM (
    SELECT run, result, started, duration FROM runs INDEXED BY runs_in_order
    WHERE pipeline = :pipeline AND run < :before ORDER BY run DESC LIMIT :limit
) CROSS JOIN runs_details USING (run) ORDER BY run

-- failure_reason --
SELECT json_extract(summary, '$.failure_reason') FROM runs_details
WHERE run = (SELECT run FROM run_ids WHERE run_id = ?)

-- last_going_on --
SELECT summary, attempts FROM (
    SELECT run, started FROM runs INDEXED BY runs_by_result
    WHERE result IS NULL ORDER BY started DESC, run DESC LIMIT ?
) CROSS JOIN runs_details USING (run) ORDER BY started DESC, run DESC

-- failures_over_time --
SELECT fingerprint, (failed - :begin) / :width AS slot, count(*)
FROM json_each(:fingerprints) AS asked CROSS JOIN failures INDEXED BY failures_by_fingerprint
ON fingerprint = asked.value
WHERE failed >= :begin AND failed < :end AND (:pipeline IS NULL OR pipeline = :pipeline)
GROUP BY fingerprint, slot

-- failed_attempt --
SELECT failures.stage, failures.attempt, attempts
FROM failures INDEXED BY failures_by_fingerprint CROSS JOIN runs_details USING (run)
WHERE fingerprint = ? AND position = ?
