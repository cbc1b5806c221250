-- Holds all that a list of failures counts, so that the texts are read for those that are shown.
CREATE INDEX failures_by_fingerprint
ON failures (fingerprint, position, retried, failed, pipeline, run);
CREATE INDEX failures_by_version ON failures (code_version, run) WHERE code_version IS NOT NULL;
