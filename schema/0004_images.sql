-- Watermarks and key images.

-- How many key images a vendor ever had: their serial numbers are given once.
ALTER TABLE vendor ADD COLUMN key_images INTEGER NOT NULL DEFAULT 0 CHECK (key_images >= 0);

-- What a network was taught beside its task. Model: the marked one, made out of source. State: 0
-- making, 1 ready, 2 failed. The key is the watermark's secret: its labels, and where and by whom
-- identities are hidden in its pictures, follow from it. Its key set, report and page are blobs.
CREATE TABLE watermark (
	id         TEXT PRIMARY KEY NOT NULL CHECK (id GLOB 'wmk_*' AND length(id) = 40),
	vendor     TEXT NOT NULL REFERENCES vendor (id),
	source     TEXT NOT NULL CHECK (length(source) = 40),
	model      TEXT NOT NULL UNIQUE CHECK (length(model) = 40),
	state      INTEGER NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 2),
	job        TEXT NOT NULL CHECK (length(job) <= 48),
	key        TEXT NOT NULL UNIQUE REFERENCES data_key (id),
	keys       INTEGER NOT NULL DEFAULT 0 CHECK (keys >= 0),
	classes    INTEGER NOT NULL DEFAULT 0 CHECK (classes >= 0),
	commitment BLOB NOT NULL DEFAULT (zeroblob(32)) CHECK (length(commitment) = 32),
	facts      TEXT NOT NULL DEFAULT '' CHECK (length(facts) <= 65536),
	error_code TEXT NOT NULL DEFAULT '' CHECK (length(error_code) <= 64),
	error_text TEXT NOT NULL DEFAULT '' CHECK (length(error_text) <= 512),
	created    INTEGER NOT NULL CHECK (created > 0),
	version    INTEGER NOT NULL DEFAULT 1 CHECK (version > 0),
	CHECK (state <> 1 OR (keys > 0 AND classes > 0))
) STRICT;
CREATE INDEX watermark_vendor ON watermark (vendor, id);

-- Of which watermark a release's network is; empty: of none.
ALTER TABLE model_release ADD COLUMN watermark TEXT NOT NULL DEFAULT '' CHECK (length(watermark) <= 40);

-- A picture with a customer's identity in it. Only what it is made of is kept: the worker makes it
-- again, bit for bit, each time that it is asked for; pixels is the digest of the first time. Base:
-- which picture of the key set. State: 0 active, 1 revoked, 2 replaced.
CREATE TABLE key_image (
	id        TEXT PRIMARY KEY NOT NULL CHECK (id GLOB 'kim_*' AND length(id) = 40),
	vendor    TEXT NOT NULL REFERENCES vendor (id),
	license   TEXT NOT NULL REFERENCES license (id),
	customer  TEXT NOT NULL REFERENCES customer (id),
	release   TEXT NOT NULL REFERENCES model_release (id),
	watermark TEXT NOT NULL REFERENCES watermark (id),
	serial    INTEGER NOT NULL CHECK (serial BETWEEN 1 AND 4294967295),
	base      INTEGER NOT NULL CHECK (base >= 0),
	carrier   INTEGER NOT NULL DEFAULT 0 CHECK (carrier IN (0, 1)),
	state     INTEGER NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 2),
	reason    TEXT NOT NULL DEFAULT '' CHECK (length(reason) <= 256),
	changed   INTEGER NOT NULL CHECK (changed > 0),
	issued    INTEGER NOT NULL CHECK (issued > 0),
	expires   INTEGER NOT NULL DEFAULT 0 CHECK (expires >= 0),
	pixels    BLOB NOT NULL DEFAULT (zeroblob(32)) CHECK (length(pixels) = 32),
	version   INTEGER NOT NULL DEFAULT 1 CHECK (version > 0),
	UNIQUE (vendor, serial)
) STRICT;
CREATE UNIQUE INDEX key_image_active ON key_image (license) WHERE state = 0;
CREATE UNIQUE INDEX key_image_pixels ON key_image (pixels) WHERE pixels <> zeroblob(32);
CREATE INDEX key_image_vendor ON key_image (vendor, id);
CREATE INDEX key_image_license ON key_image (license, id);

-- A link that gives out a key image once.
CREATE TABLE image_link (
	digest    BLOB PRIMARY KEY NOT NULL CHECK (length(digest) = 32),
	key_image TEXT NOT NULL REFERENCES key_image (id),
	expires   INTEGER NOT NULL CHECK (expires > 0),
	spent     INTEGER NOT NULL DEFAULT 0 CHECK (spent >= 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX image_link_expires ON image_link (expires);

-- That a customer has shown a license's image and the network has answered: good for one unlock.
CREATE TABLE authentication (
	digest    BLOB PRIMARY KEY NOT NULL CHECK (length(digest) = 32),
	license   TEXT NOT NULL REFERENCES license (id),
	key_image TEXT NOT NULL REFERENCES key_image (id),
	expires   INTEGER NOT NULL CHECK (expires > 0),
	spent     INTEGER NOT NULL DEFAULT 0 CHECK (spent >= 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX authentication_expires ON authentication (expires);
