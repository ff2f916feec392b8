-- Licensing: customers and their keys, policies, licenses with their seats, machines, approvals and
-- deliveries, the lists of revocations, and the events that vendors are told of.

-- How many customers a vendor ever had (their numbers are given once), and how often its list of
-- revocations has changed.
ALTER TABLE vendor ADD COLUMN customers INTEGER NOT NULL DEFAULT 0 CHECK (customers >= 0);
ALTER TABLE vendor ADD COLUMN revocations INTEGER NOT NULL DEFAULT 0 CHECK (revocations >= 0);

-- The number is what marks spell: it stays when the person behind it is erased, and nothing else
-- does. State: 0 active, 1 suspended, 2 erased. The enrolment code is kept as a digest; spent says
-- when it was used.
CREATE TABLE customer (
	id           TEXT PRIMARY KEY NOT NULL CHECK (id GLOB 'cus_*' AND length(id) = 40),
	vendor       TEXT NOT NULL REFERENCES vendor (id),
	number       INTEGER NOT NULL CHECK (number BETWEEN 1 AND 4294967295),
	name         TEXT NOT NULL CHECK (length(name) <= 128),
	name_folded  TEXT NOT NULL CHECK (length(name_folded) <= 512),
	email        TEXT NOT NULL DEFAULT '' CHECK (length(email) <= 254),
	state        INTEGER NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 2),
	jwk          TEXT NOT NULL DEFAULT '' CHECK (length(jwk) <= 128),
	thumbprint   BLOB NOT NULL DEFAULT (zeroblob(32)) CHECK (length(thumbprint) = 32),
	enrolled     INTEGER NOT NULL DEFAULT 0 CHECK (enrolled >= 0),
	code         BLOB NOT NULL DEFAULT (zeroblob(32)) CHECK (length(code) = 32),
	code_expires INTEGER NOT NULL DEFAULT 0 CHECK (code_expires >= 0),
	code_spent   INTEGER NOT NULL DEFAULT 0 CHECK (code_spent >= 0),
	created      INTEGER NOT NULL CHECK (created > 0),
	version      INTEGER NOT NULL DEFAULT 1 CHECK (version > 0),
	CHECK ((jwk = '') = (enrolled = 0)),
	CHECK (state < 2 OR (jwk = '' AND email = '' AND code_expires = 0)),
	CHECK ((state = 2) = (name = '') AND (state = 2) = (name_folded = ''))
) STRICT;
CREATE UNIQUE INDEX customer_name ON customer (vendor, name_folded) WHERE state < 2;
CREATE UNIQUE INDEX customer_number ON customer (vendor, number);
CREATE INDEX customer_vendor ON customer (vendor, id);
CREATE UNIQUE INDEX customer_code ON customer (substr(code, 1, 12)) WHERE code_expires > 0;

CREATE TABLE policy (
	id          TEXT PRIMARY KEY NOT NULL CHECK (id GLOB 'pol_*' AND length(id) = 40),
	vendor      TEXT NOT NULL REFERENCES vendor (id),
	name        TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
	name_folded TEXT NOT NULL CHECK (length(name_folded) BETWEEN 1 AND 512),
	terms       TEXT NOT NULL CHECK (length(terms) BETWEEN 2 AND 16384),
	retired     INTEGER NOT NULL DEFAULT 0 CHECK (retired IN (0, 1)),
	created     INTEGER NOT NULL CHECK (created > 0),
	version     INTEGER NOT NULL DEFAULT 1 CHECK (version > 0),
	UNIQUE (vendor, name_folded)
) STRICT;
CREATE INDEX policy_vendor ON policy (vendor, id);

-- Seq: the order in which they came, and where the index of a customer's licenses is cut into blocks
-- of 2048. Customers come at random, and a random place in an index of 10^6 would cost each license a
-- page of its own; within the newest block all places are near. Asking costs one search for each
-- block. State: 0 active, 1 suspended, 2 revoked, 3 transferred. Seats used: its rows in lease. The token
-- is the license file as it was issued; the wrap is the head of every unlock key that is made for
-- it, with the content key inside, for the customer's key with that thumbprint.
CREATE TABLE license (
	seq          INTEGER PRIMARY KEY CHECK (seq > 0),
	id           TEXT NOT NULL UNIQUE CHECK (id GLOB 'lic_*' AND length(id) = 40),
	vendor       TEXT NOT NULL REFERENCES vendor (id),
	customer     TEXT NOT NULL REFERENCES customer (id),
	release      TEXT NOT NULL REFERENCES model_release (id),
	policy       TEXT NOT NULL REFERENCES policy (id),
	reference    TEXT NOT NULL DEFAULT '' CHECK (length(reference) <= 128),
	state        INTEGER NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 3),
	reason       TEXT NOT NULL DEFAULT '' CHECK (length(reason) <= 256),
	changed      INTEGER NOT NULL CHECK (changed > 0),
	issued       INTEGER NOT NULL CHECK (issued > 0),
	not_before   INTEGER NOT NULL CHECK (not_before > 0),
	expires      INTEGER NOT NULL DEFAULT 0 CHECK (expires >= 0),
	seats        INTEGER NOT NULL CHECK (seats > 0),
	seats_used   INTEGER NOT NULL DEFAULT 0 CHECK (seats_used BETWEEN 0 AND seats),
	entitlements TEXT NOT NULL DEFAULT '[]' CHECK (length(entitlements) <= 8192),
	unlocks      INTEGER NOT NULL DEFAULT 0 CHECK (unlocks >= 0),
	predecessor  TEXT NOT NULL DEFAULT '' CHECK (length(predecessor) <= 40),
	token        TEXT NOT NULL CHECK (length(token) <= 32768),
	wrap         TEXT NOT NULL DEFAULT '' CHECK (length(wrap) <= 4096),
	wrapped_for  BLOB NOT NULL DEFAULT (zeroblob(32)) CHECK (length(wrapped_for) = 32),
	version      INTEGER NOT NULL DEFAULT 1 CHECK (version > 0)
) STRICT;
CREATE INDEX license_vendor ON license (vendor, id, state);
CREATE INDEX license_customer ON license (seq >> 11, substr(customer, 29));
CREATE INDEX license_release ON license (release, id, state);
CREATE INDEX license_policy ON license (policy);
CREATE UNIQUE INDEX license_reference ON license (vendor, reference) WHERE reference <> '';
CREATE INDEX license_ended ON license (vendor, state, id, expires) WHERE state <> 0;

-- The machines that a license is bound to, as fingerprints.
CREATE TABLE license_machine (
	license     TEXT NOT NULL REFERENCES license (id),
	fingerprint BLOB NOT NULL CHECK (length(fingerprint) BETWEEN 2 AND 512),
	bound       INTEGER NOT NULL CHECK (bound > 0),
	PRIMARY KEY (license, fingerprint)
) STRICT, WITHOUT ROWID;

-- A seat that is taken. Each row is one of its license's seats_used, by the triggers: whoever takes
-- one too many breaks the license's CHECK.
CREATE TABLE lease (
	license TEXT NOT NULL REFERENCES license (id),
	machine TEXT NOT NULL CHECK (length(machine) BETWEEN 1 AND 64),
	claimed INTEGER NOT NULL CHECK (claimed > 0),
	expires INTEGER NOT NULL CHECK (expires > 0),
	PRIMARY KEY (license, machine)
) STRICT, WITHOUT ROWID;
CREATE INDEX lease_expires ON lease (expires);
CREATE INDEX lease_lapses ON lease (license, expires);
CREATE TRIGGER lease_taken AFTER INSERT ON lease BEGIN
	UPDATE license SET seats_used = seats_used + 1 WHERE id = new.license;
END;
CREATE TRIGGER lease_given_back AFTER DELETE ON lease BEGIN
	UPDATE license SET seats_used = seats_used - 1 WHERE id = old.license;
END;

-- Who, of those that must agree, has agreed that this license's unlock keys be released.
CREATE TABLE approval (
	license TEXT NOT NULL REFERENCES license (id),
	token   TEXT NOT NULL CHECK (length(token) = 40),
	at      INTEGER NOT NULL CHECK (at > 0),
	PRIMARY KEY (license, token)
) STRICT, WITHOUT ROWID;

-- A code that is good for one unlock key, to be handed over by other ways than this API.
CREATE TABLE delivery (
	id      TEXT PRIMARY KEY NOT NULL CHECK (id GLOB 'dlv_*' AND length(id) = 40),
	license TEXT NOT NULL REFERENCES license (id),
	digest  BLOB NOT NULL CHECK (length(digest) = 32),
	expires INTEGER NOT NULL CHECK (expires > 0),
	spent   INTEGER NOT NULL DEFAULT 0 CHECK (spent >= 0),
	created INTEGER NOT NULL CHECK (created > 0)
) STRICT;
CREATE UNIQUE INDEX delivery_digest ON delivery (substr(digest, 1, 12));
CREATE INDEX delivery_license ON delivery (license, id);
CREATE INDEX delivery_expires ON delivery (expires);

-- The newest list of each vendor; changes: what vendor.revocations was when it was made.
CREATE TABLE revocation_list (
	vendor      TEXT PRIMARY KEY NOT NULL REFERENCES vendor (id),
	number      INTEGER NOT NULL CHECK (number > 0),
	changes     INTEGER NOT NULL CHECK (changes >= 0),
	this_update INTEGER NOT NULL CHECK (this_update > 0),
	next_update INTEGER NOT NULL CHECK (next_update > this_update),
	token       TEXT NOT NULL CHECK (length(token) BETWEEN 1 AND 16777216)
) STRICT;

-- Where a vendor wants to be told. The data key is the secret that signs what is sent. State: 0
-- active, 1 paused. Events: a list separated by blanks, "*" for all. Failures: attempts in a row that
-- came to nothing; rest: until when nothing is sent there, because there were too many.
CREATE TABLE webhook (
	id       TEXT PRIMARY KEY NOT NULL CHECK (id GLOB 'whk_*' AND length(id) = 40),
	vendor   TEXT NOT NULL REFERENCES vendor (id),
	url      TEXT NOT NULL CHECK (length(url) BETWEEN 1 AND 1024),
	events   TEXT NOT NULL CHECK (length(events) BETWEEN 1 AND 1024),
	data_key TEXT NOT NULL UNIQUE REFERENCES data_key (id),
	state    INTEGER NOT NULL DEFAULT 0 CHECK (state IN (0, 1)),
	failures INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0),
	rest     INTEGER NOT NULL DEFAULT 0 CHECK (rest >= 0),
	created  INTEGER NOT NULL CHECK (created > 0),
	version  INTEGER NOT NULL DEFAULT 1 CHECK (version > 0)
) STRICT;
CREATE INDEX webhook_vendor ON webhook (vendor, id);

-- What has happened, once for each vendor that asked; written with the act itself.
CREATE TABLE event (
	id     TEXT PRIMARY KEY NOT NULL CHECK (id GLOB 'evt_*' AND length(id) = 40),
	vendor TEXT NOT NULL REFERENCES vendor (id),
	type   TEXT NOT NULL CHECK (length(type) BETWEEN 1 AND 64),
	object TEXT NOT NULL CHECK (length(object) <= 48),
	body   TEXT NOT NULL CHECK (length(body) BETWEEN 2 AND 16384),
	at     INTEGER NOT NULL CHECK (at > 0)
) STRICT;
CREATE INDEX event_at ON event (at);

-- One event on its way to one webhook. State: 0 waiting, 1 delivered, 2 given up.
CREATE TABLE message (
	webhook  TEXT NOT NULL REFERENCES webhook (id),
	event    TEXT NOT NULL REFERENCES event (id),
	state    INTEGER NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 2),
	attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
	due      INTEGER NOT NULL CHECK (due > 0),
	status   INTEGER NOT NULL DEFAULT 0 CHECK (status BETWEEN 0 AND 999),
	note     TEXT NOT NULL DEFAULT '' CHECK (length(note) <= 256),
	ended    INTEGER NOT NULL DEFAULT 0 CHECK (ended >= 0),
	PRIMARY KEY (webhook, event)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_due ON message (webhook, due) WHERE state = 0;
CREATE INDEX message_event ON message (event);
