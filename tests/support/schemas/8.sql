BEGIN TRANSACTION;
CREATE TABLE blob_holders (
  owner TEXT NOT NULL,
  digest TEXT NOT NULL,
  size INTEGER NOT NULL,
  PRIMARY KEY (owner, digest)
) WITHOUT ROWID;
INSERT INTO "blob_holders" VALUES('root','27dd8ed44a83ff94d557f9fd0412ed5a8cbca69ea04922d88c01184a07300a5a',4);
INSERT INTO "blob_holders" VALUES('root','2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806',4);
INSERT INTO "blob_holders" VALUES('root','54034ac5c6e9ea95734ec2b729fd6d62abf64af34a9f9ce5d466cb788191a73d',4);
INSERT INTO "blob_holders" VALUES('root','cc42155088fca5730758db72b2a5bca33112a941dfaa2d43098ec422ce4ea213',9);
CREATE TABLE damaged (digest TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE datasets (
  id INTEGER PRIMARY KEY,
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL DEFAULT '',
  public INTEGER NOT NULL DEFAULT 0,
  created_at REAL NOT NULL, last_version INTEGER NOT NULL DEFAULT 0,
  UNIQUE (owner, name)
);
INSERT INTO "datasets" VALUES(1,'root','mnist','',0,1.79548331631989598273e+09,2);
CREATE TABLE fetches (
  id TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  ended INTEGER NOT NULL DEFAULT 0,
  document TEXT NOT NULL,
  wish TEXT NOT NULL,
  standing TEXT NOT NULL
) WITHOUT ROWID;
CREATE VIRTUAL TABLE job_words USING fts5 (words, tokenize = 'trigram');
CREATE TABLE jobs (
  id INTEGER PRIMARY KEY,
  project INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  state TEXT NOT NULL,
  document TEXT NOT NULL,
  ending TEXT,
  parsed INTEGER NOT NULL DEFAULT 0,
  updated_at REAL NOT NULL, turn INTEGER, person TEXT NOT NULL DEFAULT '', deleted_at REAL,
  UNIQUE (project, number)
);
INSERT INTO "jobs" VALUES(1,1,1,'succeeded','{"owner":"root","project":"p","number":1,"state":"succeeded","command":"echo ''{\"metric\": \"loss\", \"value\": 0.5}''; echo out >result","created_at":1795483316.3457577,"code":"01dd5f4c2d93db5dd0afb63683e22f153ea4ecce0543d7d54d8ec9bf4e911d9d","inputs":[{"source":"root/datasets/mnist/2","destination":"d","tree":"dcbe41174014786efcec3a9ae84480e1b96603a4d387ce3ee71d752d1385506e","path":"","origin":""}],"environment":"host","image":"","executor":"process","message":"first","gpus":0,"devices":[],"max_runtime":null,"env":{"SEED":"1"},"limits":{"memory":null,"cpus":null,"pids":null,"shm_size":null},"tags":["a"],"relaunched_from":null,"started_at":1795483316.3670151,"ended_at":1795483316.462685,"exit_code":0,"reason":"","progress":"","metrics":{"loss":0.5},"output":"27ec1f1d36d5941502267e8f6c02ce5983420ddb50a219c7734b6a38e3f57e41","output_files":1,"output_size":4,"log_size":33,"utilization_policy":null,"retry":null,"retry_at":null,"attempts":[],"secrets":[],"machine":"","gpu_memory":null,"priority":0,"after":[],"held":false,"given":{"memory":null,"cpus":null,"pids":null,"shm_size":null},"position":null,"starts_by":null,"group":"","values":{},"max_parallel":null}',NULL,33,1.79548331651995205881e+09,1,'root',NULL);
INSERT INTO "jobs" VALUES(2,1,2,'failed','{"owner":"root","project":"p","number":2,"state":"failed","command":"exit 3","created_at":1795483316.5452816,"code":null,"inputs":[],"environment":"host","image":"","executor":"process","message":"","gpus":0,"devices":[],"max_runtime":null,"env":{},"limits":{"memory":null,"cpus":null,"pids":null,"shm_size":null},"tags":[],"relaunched_from":null,"started_at":1795483316.5510538,"ended_at":1795483316.6385536,"exit_code":3,"reason":"","progress":"","metrics":{},"output":null,"output_files":0,"output_size":0,"log_size":0,"utilization_policy":null,"retry":null,"retry_at":null,"attempts":[],"secrets":[],"machine":"","gpu_memory":null,"priority":0,"after":[],"held":false,"given":{"memory":null,"cpus":null,"pids":null,"shm_size":null},"position":null,"starts_by":null,"group":"","values":{},"max_parallel":null}',NULL,0,1.79548331667349481575e+09,2,'root',NULL);
INSERT INTO "jobs" VALUES(3,1,3,'running','{"owner":"root","project":"p","number":3,"state":"running","command":"echo up; sleep 600","created_at":1795483316.698799,"code":null,"inputs":[],"environment":"host","image":"","executor":"process","message":"","gpus":0,"devices":[],"max_runtime":null,"env":{},"limits":{"memory":null,"cpus":null,"pids":null,"shm_size":null},"tags":[],"relaunched_from":null,"started_at":1795483316.7494926,"ended_at":null,"exit_code":null,"reason":"","progress":"","metrics":{},"output":null,"output_files":0,"output_size":0,"log_size":0,"utilization_policy":null,"retry":null,"retry_at":null,"attempts":[],"secrets":[],"machine":"","gpu_memory":null,"priority":0,"after":[],"held":false,"given":{"memory":null,"cpus":null,"pids":null,"shm_size":null},"position":null,"starts_by":null,"group":"","values":{},"max_parallel":null}',NULL,0,1.79548331675230622293e+09,3,'root',NULL);
CREATE TABLE launches (
  owner TEXT NOT NULL,
  key TEXT NOT NULL,
  job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  PRIMARY KEY (owner, key)
) WITHOUT ROWID;
INSERT INTO "launches" VALUES('root','once',1);
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
INSERT INTO "metrics" VALUES(1,0,'loss',0.5,1.79548331647948861125e+09,NULL,NULL);
CREATE TABLE projects (
  id INTEGER PRIMARY KEY,
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL DEFAULT '',
  created_at REAL NOT NULL,
  -- Numbers of deleted jobs are not given again.
  last_number INTEGER NOT NULL DEFAULT 0, jobs INTEGER NOT NULL DEFAULT 0, touched_at REAL NOT NULL DEFAULT 0,
  UNIQUE (owner, name)
);
INSERT INTO "projects" VALUES(1,'root','p','',1.79548331634599328044e+09,3,3,1.79548331675230622293e+09);
CREATE TABLE removed (
  id INTEGER PRIMARY KEY,
  owner TEXT NOT NULL,
  dataset TEXT NOT NULL,
  version INTEGER,
  removed_at REAL NOT NULL,
  document TEXT NOT NULL
);
CREATE TABLE trees (
  owner TEXT NOT NULL,
  digest TEXT NOT NULL,
  files INTEGER NOT NULL,
  size INTEGER NOT NULL,
  complete INTEGER NOT NULL DEFAULT 0,
  created_at REAL NOT NULL,
  PRIMARY KEY (owner, digest)
) WITHOUT ROWID;
INSERT INTO "trees" VALUES('root','01dd5f4c2d93db5dd0afb63683e22f153ea4ecce0543d7d54d8ec9bf4e911d9d',1,9,1,1.79548331634526848795e+09);
INSERT INTO "trees" VALUES('root','27ec1f1d36d5941502267e8f6c02ce5983420ddb50a219c7734b6a38e3f57e41',1,4,1,1.79548331651567864416e+09);
INSERT INTO "trees" VALUES('root','8e5d446a19237bf0f01ba45902152bcdade928db33d32c021a351c25569cd5f7',1,4,1,1.79548331631947922703e+09);
INSERT INTO "trees" VALUES('root','dcbe41174014786efcec3a9ae84480e1b96603a4d387ce3ee71d752d1385506e',1,4,1,1.79548331633359146116e+09);
CREATE TABLE versions (
  dataset INTEGER NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
  version INTEGER NOT NULL,
  tree TEXT NOT NULL,
  files INTEGER NOT NULL,
  size INTEGER NOT NULL,
  message TEXT NOT NULL DEFAULT '',
  source TEXT,
  created_at REAL NOT NULL, origin TEXT,
  PRIMARY KEY (dataset, version)
) WITHOUT ROWID;
INSERT INTO "versions" VALUES(1,1,'8e5d446a19237bf0f01ba45902152bcdade928db33d32c021a351c25569cd5f7',1,4,'',NULL,1.79548331631989598273e+09,NULL);
INSERT INTO "versions" VALUES(1,2,'dcbe41174014786efcec3a9ae84480e1b96603a4d387ce3ee71d752d1385506e',1,4,'',NULL,1.79548331633403038982e+09,NULL);
CREATE INDEX jobs_by_state ON jobs (state);
CREATE INDEX launches_by_job ON launches (job);
CREATE TRIGGER jobs_turn AFTER INSERT ON jobs WHEN new.turn IS NULL
BEGIN UPDATE jobs SET turn = new.id WHERE id = new.id; END;
CREATE INDEX jobs_by_person ON jobs (person);
CREATE INDEX jobs_by_person_and_state ON jobs (person, state);
CREATE VIEW job_texts AS
  SELECT jobs.id, projects.name || '/' || jobs.number || char(10) ||
    coalesce(json_extract(document, '$.message'), '') || char(10) ||
    coalesce(json_extract(document, '$.command'), '') || char(10) ||
    coalesce(json_extract(document, '$.environment'), '') || char(10) ||
    coalesce(json_extract(document, '$.inputs'), '') || coalesce(json_extract(document, '$.tags'), '') AS words
  FROM jobs JOIN projects ON projects.id = jobs.project;
CREATE TRIGGER jobs_in AFTER INSERT ON jobs BEGIN
  UPDATE projects SET jobs = jobs + 1, touched_at = max(touched_at, new.updated_at) WHERE id = new.project;
  INSERT INTO job_words (rowid, words) SELECT id, words FROM job_texts WHERE id = new.id;
END;
CREATE TRIGGER jobs_touched AFTER UPDATE OF updated_at ON jobs BEGIN
  UPDATE projects SET touched_at = max(touched_at, new.updated_at) WHERE id = new.project;
END;
CREATE INDEX jobs_by_group ON jobs (person, json_extract(document, '$.group'))
  WHERE json_extract(document, '$.group') <> '';
CREATE INDEX jobs_deleted ON jobs (person, deleted_at) WHERE deleted_at IS NOT NULL;
CREATE TRIGGER jobs_out AFTER DELETE ON jobs BEGIN
  UPDATE projects SET jobs = jobs - (old.deleted_at IS NULL) WHERE id = old.project;
  DELETE FROM job_words WHERE rowid = old.id;
END;
CREATE TRIGGER jobs_put_away AFTER UPDATE OF deleted_at ON jobs BEGIN
  UPDATE projects SET jobs = jobs + (new.deleted_at IS NULL) - (old.deleted_at IS NULL) WHERE id = new.project;
END;
INSERT INTO job_words (rowid, words) SELECT id, words FROM job_texts;
COMMIT;
PRAGMA user_version = 8;
