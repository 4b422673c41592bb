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
"""

MIGRATIONS: tuple[str, ...] = (_DATA + _JOBS,)
