"""The database's schema, as scripts that each take it from one version (PRAGMA user_version) to the next.

A script that has been released is never changed; what comes later is a script of its own.
"""

from __future__ import annotations

_DATA = """
-- Who holds which blob. A blob's bytes lie once in blobs/; what a person may use or is told of is what they hold.
CREATE TABLE blob_holders (
  owner TEXT NOT NULL,
  digest TEXT NOT NULL,
  size INTEGER NOT NULL,
  PRIMARY KEY (owner, digest)
) WITHOUT ROWID;

-- Who has put which tree; complete once its owner holds every blob of it.
CREATE TABLE trees (
  owner TEXT NOT NULL,
  digest TEXT NOT NULL,
  files INTEGER NOT NULL,
  size INTEGER NOT NULL,
  complete INTEGER NOT NULL DEFAULT 0,
  created_at REAL NOT NULL,
  PRIMARY KEY (owner, digest)
) WITHOUT ROWID;

CREATE TABLE datasets (
  id INTEGER PRIMARY KEY,
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL DEFAULT '',
  public INTEGER NOT NULL DEFAULT 0,
  created_at REAL NOT NULL,
  UNIQUE (owner, name)
);

CREATE TABLE versions (
  dataset INTEGER NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
  version INTEGER NOT NULL,
  tree TEXT NOT NULL,
  files INTEGER NOT NULL,
  size INTEGER NOT NULL,
  message TEXT NOT NULL DEFAULT '',
  source TEXT,
  created_at REAL NOT NULL,
  PRIMARY KEY (dataset, version)
) WITHOUT ROWID;
"""

_JOBS = """
CREATE TABLE projects (
  id INTEGER PRIMARY KEY,
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL DEFAULT '',
  created_at REAL NOT NULL,
  -- Numbers of deleted jobs are not given again.
  last_number INTEGER NOT NULL DEFAULT 0,
  UNIQUE (owner, name)
);

-- `document` is the Job as JSON; `state` repeats what lists ask for. `ending` is the state that a stop asked for will
-- end in, `parsed` how many bytes of the log have been read for metrics.
CREATE TABLE jobs (
  id INTEGER PRIMARY KEY,
  project INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  state TEXT NOT NULL,
  document TEXT NOT NULL,
  ending TEXT,
  parsed INTEGER NOT NULL DEFAULT 0,
  updated_at REAL NOT NULL,
  UNIQUE (project, number)
);
CREATE INDEX jobs_by_state ON jobs (state);

CREATE TABLE metrics (
  job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  value REAL NOT NULL,
  time REAL NOT NULL,
  step INTEGER,
  epoch INTEGER,
  PRIMARY KEY (job, position)
) WITHOUT ROWID;
"""

_LAUNCHES = """
-- The keys that clients gave their launches: one that is sent again, because its answer was lost, makes no second job.
CREATE TABLE launches (
  owner TEXT NOT NULL,
  key TEXT NOT NULL,
  job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  PRIMARY KEY (owner, key)
) WITHOUT ROWID;
CREATE INDEX launches_by_job ON launches (job);
"""

_REMOVALS = """
-- Numbers of removed versions are not given again.
ALTER TABLE datasets ADD COLUMN last_version INTEGER NOT NULL DEFAULT 0;
UPDATE datasets SET last_version = (SELECT coalesce(max(version), 0) FROM versions WHERE dataset = datasets.id);

-- Blobs that fsck found damaged or gone: nobody has them until they are sent again.
CREATE TABLE damaged (digest TEXT PRIMARY KEY) WITHOUT ROWID;
"""

_FETCHES = """
-- Data that the runner fetches from the net. `document` is the Fetch as JSON, `wish` what was asked for with all that
-- logs in (empty at the end), `standing` how much of it is safely on the disk.
CREATE TABLE fetches (
  id TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  ended INTEGER NOT NULL DEFAULT 0,
  document TEXT NOT NULL,
  wish TEXT NOT NULL,
  standing TEXT NOT NULL
) WITHOUT ROWID;

-- The Origin of a version that was fetched, as JSON.
ALTER TABLE versions ADD COLUMN origin TEXT;
"""

_TURNS = """
-- Where a waiting job stands among those of its priority, the smallest first; as it came in unless it was moved.
ALTER TABLE jobs ADD COLUMN turn INTEGER;
UPDATE jobs SET turn = id;
CREATE TRIGGER jobs_turn AFTER INSERT ON jobs WHEN new.turn IS NULL
BEGIN UPDATE jobs SET turn = new.id WHERE id = new.id; END;

-- What a job runs with was not written down before: its own limits are the part of it that is known.
UPDATE jobs SET document = json_set(document, '$.given', json_extract(document, '$.limits'));
"""

_LISTS = """
-- Lists are as quick with a hundred thousand jobs as with a hundred: `person` is the project's owner, `jobs` and
-- `touched_at` are what would have to be counted.
ALTER TABLE jobs ADD COLUMN person TEXT NOT NULL DEFAULT '';
UPDATE jobs SET person = (SELECT owner FROM projects WHERE id = jobs.project);
CREATE INDEX jobs_by_person ON jobs (person);
CREATE INDEX jobs_by_person_and_state ON jobs (person, state);
ALTER TABLE projects ADD COLUMN jobs INTEGER NOT NULL DEFAULT 0;
ALTER TABLE projects ADD COLUMN touched_at REAL NOT NULL DEFAULT 0;
UPDATE projects SET jobs = (SELECT count(*) FROM jobs WHERE project = projects.id),
  touched_at = (SELECT coalesce(max(updated_at), 0) FROM jobs WHERE project = projects.id);

-- What a search looks through: a job's name and what its launch said. Any three characters in a row find it.
CREATE VIRTUAL TABLE job_words USING fts5 (words, tokenize = 'trigram');
CREATE VIEW job_texts AS
  SELECT jobs.id, projects.name || '/' || jobs.number || char(10) ||
    coalesce(json_extract(document, '$.message'), '') || char(10) ||
    coalesce(json_extract(document, '$.command'), '') || char(10) ||
    coalesce(json_extract(document, '$.environment'), '') || char(10) ||
    coalesce(json_extract(document, '$.inputs'), '') || coalesce(json_extract(document, '$.tags'), '') AS words
  FROM jobs JOIN projects ON projects.id = jobs.project;
INSERT INTO job_words (rowid, words) SELECT id, words FROM job_texts;

CREATE TRIGGER jobs_in AFTER INSERT ON jobs BEGIN
  UPDATE projects SET jobs = jobs + 1, touched_at = max(touched_at, new.updated_at) WHERE id = new.project;
  INSERT INTO job_words (rowid, words) SELECT id, words FROM job_texts WHERE id = new.id;
END;
CREATE TRIGGER jobs_out AFTER DELETE ON jobs BEGIN
  UPDATE projects SET jobs = jobs - 1 WHERE id = old.project;
  DELETE FROM job_words WHERE rowid = old.id;
END;
CREATE TRIGGER jobs_touched AFTER UPDATE OF updated_at ON jobs BEGIN
  UPDATE projects SET touched_at = max(touched_at, new.updated_at) WHERE id = new.project;
END;
"""

_GROUPS = """
-- The jobs of a group are found without a look at the others.
CREATE INDEX jobs_by_group ON jobs (person, json_extract(document, '$.group'))
  WHERE json_extract(document, '$.group') <> '';
"""

_TRASH = """
-- What was deleted can be restored until a collection: a job's row stays, a dataset's or version's is kept as JSON.
ALTER TABLE jobs ADD COLUMN deleted_at REAL;
CREATE INDEX jobs_deleted ON jobs (person, deleted_at) WHERE deleted_at IS NOT NULL;
CREATE TABLE removed (
  id INTEGER PRIMARY KEY,
  owner TEXT NOT NULL,
  dataset TEXT NOT NULL,
  version INTEGER,
  removed_at REAL NOT NULL,
  document TEXT NOT NULL
);
DROP TRIGGER jobs_out;
CREATE TRIGGER jobs_out AFTER DELETE ON jobs BEGIN
  UPDATE projects SET jobs = jobs - (old.deleted_at IS NULL) WHERE id = old.project;
  DELETE FROM job_words WHERE rowid = old.id;
END;
CREATE TRIGGER jobs_put_away AFTER UPDATE OF deleted_at ON jobs BEGIN
  UPDATE projects SET jobs = jobs + (new.deleted_at IS NULL) - (old.deleted_at IS NULL) WHERE id = new.project;
END;
"""

_LINEAGE = """
-- From which jobs and versions of datasets a job came, by their full names: the first four parts of what it mounts.
CREATE TABLE job_sources (
  source TEXT NOT NULL,
  job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  PRIMARY KEY (source, job)
) WITHOUT ROWID;
CREATE INDEX job_sources_by_job ON job_sources (job);
CREATE VIEW job_origins AS
  WITH named AS (
    SELECT jobs.id AS job, json_extract(value, '$.source') AS name FROM jobs, json_each(document, '$.inputs')
    UNION ALL SELECT id, json_extract(document, '$.relaunched_from') FROM jobs
  ), parted AS (
    SELECT job, '[' || replace(json_quote(name), '/', '","') || ']' AS parts FROM named WHERE name IS NOT NULL
  )
  SELECT job, json_extract(parts, '$[0]') || '/' || json_extract(parts, '$[1]') || '/' ||
    json_extract(parts, '$[2]') || '/' || json_extract(parts, '$[3]') AS source FROM parted
  WHERE source IS NOT NULL;
INSERT OR IGNORE INTO job_sources (source, job) SELECT source, job FROM job_origins;
CREATE TRIGGER jobs_sourced AFTER INSERT ON jobs BEGIN
  INSERT OR IGNORE INTO job_sources (source, job) SELECT source, job FROM job_origins WHERE job = new.id;
END;
CREATE INDEX versions_by_source ON versions (source) WHERE source IS NOT NULL;
CREATE INDEX jobs_by_code ON jobs (person, json_extract(document, '$.code'));
"""

MIGRATIONS: tuple[str, ...] = (_DATA + _JOBS, _LAUNCHES, _REMOVALS, _FETCHES, _TURNS, _LISTS, _GROUPS, _TRASH, _LINEAGE)
