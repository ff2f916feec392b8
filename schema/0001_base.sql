-- The base: vendors and their tokens, the audit, jobs, idempotency, the keys that seal everything
-- else, settings. Times are milliseconds since the epoch, UTC; 0 is never. Sealed values are opaque
-- here: the custodian alone opens them.

CREATE TABLE vendor (
	id          TEXT PRIMARY KEY NOT NULL CHECK (id GLOB 'ven_*' AND length(id) = 40),
	name        TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
	name_folded TEXT NOT NULL UNIQUE CHECK (length(name_folded) BETWEEN 1 AND 512),
	suspended   INTEGER NOT NULL DEFAULT 0 CHECK (suspended IN (0, 1)),
	created     INTEGER NOT NULL CHECK (created > 0),
	version     INTEGER NOT NULL DEFAULT 1 CHECK (version > 0)
) STRICT;

-- The secret itself is nowhere. Twelve bytes of its digest make a small index, and small indexes
-- are what a random key costs least in; the question compares all of it.
CREATE TABLE token (
	vendor  TEXT NOT NULL REFERENCES vendor (id),
	id      TEXT NOT NULL CHECK (id GLOB 'tok_*' AND length(id) = 40),
	digest  BLOB NOT NULL CHECK (length(digest) = 32),
	name    TEXT NOT NULL CHECK (length(name) <= 128),
	roles   INTEGER NOT NULL CHECK (roles BETWEEN 1 AND 15),
	created INTEGER NOT NULL CHECK (created > 0),
	expires INTEGER NOT NULL DEFAULT 0 CHECK (expires >= 0),
	revoked INTEGER NOT NULL DEFAULT 0 CHECK (revoked >= 0),
	version INTEGER NOT NULL DEFAULT 1 CHECK (version > 0),
	UNIQUE (vendor, id)
) STRICT;
CREATE UNIQUE INDEX token_digest ON token (substr(digest, 1, 12));

-- One row per request outcome, each chained to the one before it. Rows are only ever added. Each
-- read costs one, so the lengths of texts are checked where they are bound, not once more here.
CREATE TABLE audit (
	seq     INTEGER PRIMARY KEY CHECK (seq > 0),
	at      INTEGER NOT NULL CHECK (at > 0),
	vendor  TEXT NOT NULL,
	actor   TEXT NOT NULL,
	action  TEXT NOT NULL,
	object  TEXT NOT NULL,
	outcome TEXT NOT NULL,
	request TEXT NOT NULL,
	address TEXT NOT NULL,
	detail  TEXT NOT NULL,
	hash    BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- Which vendors have rows among each 256 of the audit: what listing one vendor's rows needs, paid
-- for by a vendor's first row in a block only. An index of every row would cost each read a tenth.
CREATE TABLE audit_block (
	vendor TEXT NOT NULL CHECK (length(vendor) BETWEEN 1 AND 48),
	block  INTEGER NOT NULL CHECK (block >= 0),
	PRIMARY KEY (vendor, block)
) STRICT, WITHOUT ROWID;

-- Where the chain ends, so that a missing tail shows.
CREATE TABLE audit_head (
	one  INTEGER PRIMARY KEY CHECK (one = 1),
	seq  INTEGER NOT NULL CHECK (seq >= 0),
	hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
INSERT INTO audit_head (one, seq, hash) VALUES (1, 0, zeroblob(32));

-- What the custodian has signed: from here back nobody can have written the chain anew.
CREATE TABLE checkpoint (
	seq  INTEGER PRIMARY KEY REFERENCES audit (seq),
	at   INTEGER NOT NULL CHECK (at > 0),
	hash BLOB NOT NULL CHECK (length(hash) = 32),
	jws  TEXT NOT NULL CHECK (length(jws) BETWEEN 1 AND 4096)
) STRICT;

-- The answers to requests that carried an Idempotency-Key, for their repetition.
CREATE TABLE answer (
	seq     INTEGER PRIMARY KEY,
	key     BLOB NOT NULL CHECK (length(key) = 32),
	request BLOB NOT NULL CHECK (length(request) = 32),
	status  INTEGER NOT NULL CHECK (status BETWEEN 100 AND 599),
	sealed  BLOB NOT NULL CHECK (length(sealed) <= 1048576),
	at      INTEGER NOT NULL CHECK (at > 0)
) STRICT;
CREATE UNIQUE INDEX answer_key ON answer (substr(key, 1, 12));

-- Keys: the root key seals keyring versions, these seal signing keys and vendor keys, a vendor key
-- seals data keys. The references are what keeps a rotation from losing anything.
CREATE TABLE keyring (
	version INTEGER PRIMARY KEY CHECK (version > 0),
	created INTEGER NOT NULL CHECK (created > 0),
	retired INTEGER NOT NULL DEFAULT 0 CHECK (retired IN (0, 1)),
	sealed  BLOB NOT NULL CHECK (length(sealed) BETWEEN 1 AND 65536)
) STRICT;

CREATE TABLE signing_key (
	kid     TEXT PRIMARY KEY NOT NULL CHECK (length(kid) BETWEEN 1 AND 64),
	keyring INTEGER NOT NULL REFERENCES keyring (version),
	created INTEGER NOT NULL CHECK (created > 0),
	sealed  BLOB NOT NULL CHECK (length(sealed) BETWEEN 1 AND 65536),
	jwk     TEXT NOT NULL CHECK (length(jwk) BETWEEN 1 AND 4096)
) STRICT;
CREATE INDEX signing_key_keyring ON signing_key (keyring);

CREATE TABLE vendor_key (
	vendor  TEXT NOT NULL REFERENCES vendor (id),
	version INTEGER NOT NULL CHECK (version > 0),
	keyring INTEGER NOT NULL REFERENCES keyring (version),
	sealed  BLOB NOT NULL CHECK (length(sealed) BETWEEN 1 AND 65536),
	PRIMARY KEY (vendor, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX vendor_key_keyring ON vendor_key (keyring);

CREATE TABLE data_key (
	id      TEXT PRIMARY KEY NOT NULL CHECK (id GLOB 'key_*' AND length(id) = 40),
	vendor  TEXT NOT NULL,
	version INTEGER NOT NULL,
	sealed  BLOB NOT NULL CHECK (length(sealed) BETWEEN 1 AND 65536),
	FOREIGN KEY (vendor, version) REFERENCES vendor_key (vendor, version)
) STRICT;
CREATE INDEX data_key_version ON data_key (vendor, version, id);

-- State: 0 queued, 1 running, 2 done, 3 failed, 4 cancelled.
CREATE TABLE job (
	id         TEXT PRIMARY KEY NOT NULL CHECK (id GLOB 'job_*' AND length(id) = 40),
	vendor     TEXT NOT NULL REFERENCES vendor (id),
	kind       TEXT NOT NULL CHECK (length(kind) BETWEEN 1 AND 32),
	state      INTEGER NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 4),
	input      BLOB NOT NULL CHECK (length(input) <= 1048576),
	data_key   TEXT REFERENCES data_key (id) ON DELETE SET NULL,
	done       INTEGER NOT NULL DEFAULT 0 CHECK (done >= 0),
	total      INTEGER NOT NULL DEFAULT 0 CHECK (total >= 0),
	note       TEXT NOT NULL DEFAULT '' CHECK (length(note) <= 256),
	result     TEXT NOT NULL DEFAULT '' CHECK (length(result) <= 1048576),
	error_code TEXT NOT NULL DEFAULT '' CHECK (length(error_code) <= 64),
	error_text TEXT NOT NULL DEFAULT '' CHECK (length(error_text) <= 512),
	attempts   INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
	cancel     INTEGER NOT NULL DEFAULT 0 CHECK (cancel IN (0, 1)),
	created    INTEGER NOT NULL CHECK (created > 0),
	started    INTEGER NOT NULL DEFAULT 0 CHECK (started >= 0),
	finished   INTEGER NOT NULL DEFAULT 0 CHECK (finished >= 0),
	version    INTEGER NOT NULL DEFAULT 1 CHECK (version > 0),
	-- A job that may yet run keeps the key to its input.
	CONSTRAINT live_job_keeps_its_key
		CHECK (state > 1 OR data_key IS NOT NULL OR length(input) = 0)
) STRICT;
CREATE INDEX job_vendor ON job (vendor, id);
CREATE INDEX job_open ON job (state, vendor, id) WHERE state < 2;
CREATE INDEX job_ended ON job (finished) WHERE state > 1;
CREATE INDEX job_data_key ON job (data_key) WHERE data_key IS NOT NULL;

-- How many jobs are in each state, kept by the triggers: counting a million rows is not a metric.
CREATE TABLE job_tally (
	state INTEGER PRIMARY KEY,
	n     INTEGER NOT NULL CHECK (n >= 0)
) STRICT;
INSERT INTO job_tally (state, n) VALUES (0, 0), (1, 0), (2, 0), (3, 0), (4, 0);
CREATE TRIGGER job_counted AFTER INSERT ON job BEGIN
	UPDATE job_tally SET n = n + 1 WHERE state = new.state;
END;
CREATE TRIGGER job_recounted AFTER UPDATE OF state ON job WHEN old.state <> new.state BEGIN
	UPDATE job_tally SET n = n - 1 WHERE state = old.state;
	UPDATE job_tally SET n = n + 1 WHERE state = new.state;
END;
CREATE TRIGGER job_uncounted AFTER DELETE ON job BEGIN
	UPDATE job_tally SET n = n - 1 WHERE state = old.state;
END;

CREATE TABLE setting (
	name  TEXT PRIMARY KEY NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
	value TEXT NOT NULL CHECK (length(value) <= 65536)
) STRICT, WITHOUT ROWID;
