-- Personal copies: for whom nothing but a service will ever be seen, a word in how the network answers.

-- The slots of a model: pictures, and what each customer's copy may answer them. Customers,
-- colluders: for how many they were planned, and how many of those may act together. State: 0
-- making, 1 ready, 2 failed. The key is the secret that the pictures and every customer's word
-- follow from; the pictures are the blob "content".
CREATE TABLE slot_set (
	id         TEXT PRIMARY KEY NOT NULL CHECK (id GLOB 'slo_*' AND length(id) = 40),
	vendor     TEXT NOT NULL REFERENCES vendor (id),
	model      TEXT NOT NULL REFERENCES asset (id),
	state      INTEGER NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 2),
	job        TEXT NOT NULL CHECK (length(job) <= 48),
	key        TEXT NOT NULL UNIQUE REFERENCES data_key (id),
	customers  INTEGER NOT NULL CHECK (customers > 0),
	colluders  INTEGER NOT NULL CHECK (colluders > 0),
	slots      INTEGER NOT NULL DEFAULT 0 CHECK (slots >= 0),
	classes    INTEGER NOT NULL DEFAULT 0 CHECK (classes >= 0),
	commitment BLOB NOT NULL DEFAULT (zeroblob(32)) CHECK (length(commitment) = 32),
	facts      TEXT NOT NULL DEFAULT '' CHECK (length(facts) <= 65536),
	error_code TEXT NOT NULL DEFAULT '' CHECK (length(error_code) <= 64),
	error_text TEXT NOT NULL DEFAULT '' CHECK (length(error_text) <= 512),
	created    INTEGER NOT NULL CHECK (created > 0),
	version    INTEGER NOT NULL DEFAULT 1 CHECK (version > 0),
	CHECK (state <> 1 OR (slots > 0 AND classes > 0))
) STRICT;
CREATE INDEX slot_set_vendor ON slot_set (vendor, id);
CREATE INDEX slot_set_all ON slot_set (model, id);
CREATE UNIQUE INDEX slot_set_model ON slot_set (model) WHERE state <> 2;

-- Of a model that is one customer's copy: with which slots it was made, and whose it is. The other
-- index is for who only wants to know whether a model is anybody's: it is empty for most vendors,
-- and saves the way through the facts.
ALTER TABLE asset ADD COLUMN slots TEXT NOT NULL DEFAULT '' CHECK (length(slots) <= 40);
ALTER TABLE asset ADD COLUMN personal TEXT NOT NULL DEFAULT ''
	CHECK (length(personal) <= 40 AND (personal = '') = (slots = ''));
CREATE UNIQUE INDEX asset_copy ON asset (slots, personal) WHERE personal <> '' AND state <> 3;
CREATE INDEX asset_personal ON asset (id, personal) WHERE personal <> '';

-- What is asked may be pairs of a watermark, slots, or both: the table of before could not say so. It
-- is as it was, but for these two columns and what is checked of them. Slots: whose are asked; empty:
-- nobody's.
ALTER TABLE challenge RENAME TO challenge_before;
DROP INDEX challenge_vendor;
CREATE TABLE challenge (
	id         TEXT PRIMARY KEY NOT NULL CHECK (id GLOB 'cha_*' AND length(id) = 40),
	vendor     TEXT NOT NULL REFERENCES vendor (id),
	watermark  TEXT REFERENCES watermark (id),
	slots      TEXT NOT NULL DEFAULT '' CHECK (length(slots) <= 40),
	state      INTEGER NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 2),
	job        TEXT NOT NULL CHECK (length(job) <= 48),
	key        TEXT NOT NULL UNIQUE REFERENCES data_key (id),
	first      INTEGER NOT NULL CHECK (first >= 0),
	pairs      INTEGER NOT NULL CHECK (pairs >= 0),
	decoys     INTEGER NOT NULL CHECK (decoys >= 0),
	commitment BLOB NOT NULL DEFAULT (zeroblob(32)) CHECK (length(commitment) = 32),
	error_code TEXT NOT NULL DEFAULT '' CHECK (length(error_code) <= 64),
	error_text TEXT NOT NULL DEFAULT '' CHECK (length(error_text) <= 512),
	created    INTEGER NOT NULL CHECK (created > 0),
	version    INTEGER NOT NULL DEFAULT 1 CHECK (version > 0),
	CHECK (CASE WHEN watermark IS NULL THEN pairs = 0 AND slots <> '' ELSE pairs > 0 OR slots <> '' END)
) STRICT;
INSERT INTO challenge (id, vendor, watermark, state, job, key, first, pairs, decoys, commitment,
		error_code, error_text, created, version)
	SELECT id, vendor, watermark, state, job, key, first, pairs, decoys, commitment,
		error_code, error_text, created, version
	FROM challenge_before;
DROP TABLE challenge_before;
CREATE INDEX challenge_vendor ON challenge (vendor, id);
