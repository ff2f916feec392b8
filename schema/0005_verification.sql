-- Suspects, what a black box is asked, and what was found.

-- The end of a job says to what the audit is committed: asked for by the job.
CREATE INDEX audit_job_end ON audit (object) WHERE action = 'job.end';

-- Who has, or ever had, a license to a release, by number: whose marks are looked for. It follows
-- from the licenses, which are never deleted.
CREATE TABLE licensed (
	release  TEXT NOT NULL CHECK (length(release) = 40),
	number   INTEGER NOT NULL CHECK (number BETWEEN 1 AND 4294967295),
	customer TEXT NOT NULL CHECK (length(customer) = 40),
	PRIMARY KEY (release, number)
) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO licensed (release, number, customer)
	SELECT license.release, customer.number, customer.id
	FROM license JOIN customer ON customer.id = license.customer;
CREATE TRIGGER license_issued AFTER INSERT ON license BEGIN
	INSERT OR IGNORE INTO licensed (release, number, customer)
		SELECT new.release, number, id FROM customer WHERE id = new.customer;
END;

-- How many pairs of a key set were shown to anybody: they are not asked again.
ALTER TABLE watermark ADD COLUMN asked INTEGER NOT NULL DEFAULT 0 CHECK (asked >= 0);

-- Something that may be a vendor's: a model, answers to a challenge, an unlock key, a key image.
-- What it is, is told by its bytes. State: 0 waiting for its bytes, 1 ready. Appeared: when it was
-- first known to exist. Its bytes are the blob "content".
CREATE TABLE suspect (
	id        TEXT PRIMARY KEY NOT NULL CHECK (id GLOB 'sus_*' AND length(id) = 40),
	vendor    TEXT NOT NULL REFERENCES vendor (id),
	name      TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
	note      TEXT NOT NULL DEFAULT '' CHECK (length(note) <= 1024),
	state     INTEGER NOT NULL DEFAULT 0 CHECK (state IN (0, 1)),
	challenge TEXT NOT NULL DEFAULT '' CHECK (length(challenge) <= 40),
	bytes     INTEGER NOT NULL DEFAULT 0 CHECK (bytes >= 0),
	digest    BLOB NOT NULL DEFAULT (zeroblob(32)) CHECK (length(digest) = 32),
	appeared  INTEGER NOT NULL CHECK (appeared > 0),
	created   INTEGER NOT NULL CHECK (created > 0),
	version   INTEGER NOT NULL DEFAULT 1 CHECK (version > 0)
) STRICT;
CREATE INDEX suspect_vendor ON suspect (vendor, id);

-- Pictures for somebody else's service. First, pairs: which part of the key set is among them.
-- State: 0 making, 1 ready, 2 failed. The key is the secret that their order follows from; the
-- pictures are the blob "content", their order is the blob "list".
CREATE TABLE challenge (
	id         TEXT PRIMARY KEY NOT NULL CHECK (id GLOB 'cha_*' AND length(id) = 40),
	vendor     TEXT NOT NULL REFERENCES vendor (id),
	watermark  TEXT NOT NULL REFERENCES watermark (id),
	state      INTEGER NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 2),
	job        TEXT NOT NULL CHECK (length(job) <= 48),
	key        TEXT NOT NULL UNIQUE REFERENCES data_key (id),
	first      INTEGER NOT NULL CHECK (first >= 0),
	pairs      INTEGER NOT NULL CHECK (pairs > 0),
	decoys     INTEGER NOT NULL CHECK (decoys >= 0),
	commitment BLOB NOT NULL DEFAULT (zeroblob(32)) CHECK (length(commitment) = 32),
	error_code TEXT NOT NULL DEFAULT '' CHECK (length(error_code) <= 64),
	error_text TEXT NOT NULL DEFAULT '' CHECK (length(error_text) <= 512),
	created    INTEGER NOT NULL CHECK (created > 0),
	version    INTEGER NOT NULL DEFAULT 1 CHECK (version > 0)
) STRICT;
CREATE INDEX challenge_vendor ON challenge (vendor, id);

-- A suspect held against a release; it stays when the suspect goes. State: 0 running, 1 done,
-- 2 failed. Verdict: 0 no evidence, 1 indicative, 2 proven, 3 cannot decide; accused: how many
-- customers; statement: what the custodian signed about the report, which is the blob "report" and,
-- for people, the blob "page".
CREATE TABLE verification (
	id         TEXT PRIMARY KEY NOT NULL CHECK (id GLOB 'ver_*' AND length(id) = 40),
	vendor     TEXT NOT NULL REFERENCES vendor (id),
	suspect    TEXT NOT NULL CHECK (length(suspect) = 40),
	release    TEXT NOT NULL REFERENCES model_release (id),
	state      INTEGER NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 2),
	job        TEXT NOT NULL CHECK (length(job) <= 48),
	verdict    INTEGER NOT NULL DEFAULT 3 CHECK (verdict BETWEEN 0 AND 3),
	accused    INTEGER NOT NULL DEFAULT 0 CHECK (accused >= 0),
	facts      TEXT NOT NULL DEFAULT '' CHECK (length(facts) <= 65536),
	report     BLOB NOT NULL DEFAULT (zeroblob(32)) CHECK (length(report) = 32),
	statement  TEXT NOT NULL DEFAULT '' CHECK (length(statement) <= 16384),
	error_code TEXT NOT NULL DEFAULT '' CHECK (length(error_code) <= 64),
	error_text TEXT NOT NULL DEFAULT '' CHECK (length(error_text) <= 512),
	created    INTEGER NOT NULL CHECK (created > 0),
	version    INTEGER NOT NULL DEFAULT 1 CHECK (version > 0),
	CHECK (state <> 1 OR (statement <> '' AND facts <> ''))
) STRICT;
CREATE INDEX verification_vendor ON verification (vendor, id);
CREATE INDEX verification_running ON verification (suspect) WHERE state = 0;
