-- The vault: what vendors upload, what is made of it, and the sealed files of both.

ALTER TABLE job ADD COLUMN object TEXT NOT NULL DEFAULT '' CHECK (length(object) <= 48);
CREATE INDEX job_object ON job (object) WHERE object <> '' AND state < 2;

-- A file of the folder blobs, named by its id. State: 0 arriving, 1 whole.
CREATE TABLE blob (
	id       TEXT PRIMARY KEY NOT NULL CHECK (id GLOB 'blb_*' AND length(id) = 40),
	vendor   TEXT NOT NULL REFERENCES vendor (id),
	owner    TEXT NOT NULL CHECK (length(owner) = 40),
	part     TEXT NOT NULL CHECK (length(part) BETWEEN 1 AND 32),
	state    INTEGER NOT NULL DEFAULT 0 CHECK (state IN (0, 1)),
	data_key TEXT NOT NULL UNIQUE REFERENCES data_key (id),
	size     INTEGER NOT NULL DEFAULT 0 CHECK (size >= 0),
	sha256   BLOB NOT NULL CHECK (length(sha256) = 32),
	created  INTEGER NOT NULL CHECK (created > 0),
	UNIQUE (owner, part)
) STRICT;
CREATE INDEX blob_arriving ON blob (created) WHERE state = 0;

-- Releases: how many a model ever had; their numbers are given once. Kind: 0 model, 1 data set. State: 0 empty, 1 checking, 2 ready, 3 refused.
CREATE TABLE asset (
	id          TEXT PRIMARY KEY NOT NULL
		CHECK (length(id) = 40 AND id GLOB CASE kind WHEN 0 THEN 'mod_*' ELSE 'dat_*' END),
	vendor      TEXT NOT NULL REFERENCES vendor (id),
	kind        INTEGER NOT NULL CHECK (kind IN (0, 1)),
	name        TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
	name_folded TEXT NOT NULL CHECK (length(name_folded) BETWEEN 1 AND 512),
	state       INTEGER NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 3),
	parts       TEXT NOT NULL CHECK (length(parts) BETWEEN 1 AND 128),
	facts       TEXT NOT NULL DEFAULT '' CHECK (length(facts) <= 65536),
	error_code  TEXT NOT NULL DEFAULT '' CHECK (length(error_code) <= 64),
	error_text  TEXT NOT NULL DEFAULT '' CHECK (length(error_text) <= 512),
	job         TEXT NOT NULL DEFAULT '' CHECK (length(job) <= 48),
	releases    INTEGER NOT NULL DEFAULT 0 CHECK (releases >= 0),
	created     INTEGER NOT NULL CHECK (created > 0),
	version     INTEGER NOT NULL DEFAULT 1 CHECK (version > 0),
	UNIQUE (vendor, kind, name_folded)
) STRICT;
CREATE INDEX asset_vendor ON asset (vendor, kind, id);

-- State: 0 making, 1 ready, 2 failed. The key is the release's secret: everything that opens its
-- artifact, and every customer's mark, follows from it.
CREATE TABLE model_release (
	id         TEXT PRIMARY KEY NOT NULL CHECK (id GLOB 'rel_*' AND length(id) = 40),
	vendor     TEXT NOT NULL REFERENCES vendor (id),
	model      TEXT NOT NULL REFERENCES asset (id),
	number     INTEGER NOT NULL CHECK (number > 0),
	name       TEXT NOT NULL CHECK (length(name) <= 128),
	state      INTEGER NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 2),
	locks      INTEGER NOT NULL DEFAULT 0 CHECK (locks BETWEEN 0 AND 3),
	job        TEXT NOT NULL CHECK (length(job) <= 48),
	key        TEXT NOT NULL UNIQUE REFERENCES data_key (id),
	artifact   BLOB NOT NULL DEFAULT (zeroblob(32)) CHECK (length(artifact) = 32),
	plain      BLOB NOT NULL DEFAULT (zeroblob(32)) CHECK (length(plain) = 32),
	bytes      INTEGER NOT NULL DEFAULT 0 CHECK (bytes >= 0),
	log_l      INTEGER NOT NULL DEFAULT 0 CHECK (log_l BETWEEN 0 AND 32),
	kappa      REAL NOT NULL DEFAULT 0 CHECK (kappa >= 0),
	facts      TEXT NOT NULL DEFAULT '' CHECK (length(facts) <= 65536),
	manifest   TEXT NOT NULL DEFAULT '' CHECK (length(manifest) <= 65536),
	bundle     TEXT NOT NULL DEFAULT '' CHECK (length(bundle) <= 65536),
	error_code TEXT NOT NULL DEFAULT '' CHECK (length(error_code) <= 64),
	error_text TEXT NOT NULL DEFAULT '' CHECK (length(error_text) <= 512),
	created    INTEGER NOT NULL CHECK (created > 0),
	version    INTEGER NOT NULL DEFAULT 1 CHECK (version > 0),
	UNIQUE (model, number),
	CHECK (state <> 1 OR (locks > 0 AND bytes > 0 AND manifest <> ''))
) STRICT;
CREATE INDEX model_release_vendor ON model_release (vendor, id);
CREATE INDEX model_release_model ON model_release (model, id);
