-- What thieves do, done to a release by its vendor first.

-- A run of attacks on a release; it stays when the release goes. State: 0 running, 1 done, 2 failed.
-- Profile: 0 quick, 1 standard, 2 full. Attacks, wins, accusations: how many were tried, how many of
-- them left a model that is worth something and that all tests together do not prove to be the
-- vendor's, and how often somebody innocent was accused. The report is the blob "report", for people
-- the blob "page"; the digest is of the former.
CREATE TABLE red_team (
	id          TEXT PRIMARY KEY NOT NULL CHECK (id GLOB 'rdt_*' AND length(id) = 40),
	vendor      TEXT NOT NULL REFERENCES vendor (id),
	release     TEXT NOT NULL CHECK (length(release) = 40),
	state       INTEGER NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 2),
	job         TEXT NOT NULL CHECK (length(job) <= 48),
	profile     INTEGER NOT NULL CHECK (profile BETWEEN 0 AND 2),
	attacks     INTEGER NOT NULL DEFAULT 0 CHECK (attacks >= 0),
	wins        INTEGER NOT NULL DEFAULT 0 CHECK (wins >= 0),
	accusations INTEGER NOT NULL DEFAULT 0 CHECK (accusations >= 0),
	facts       TEXT NOT NULL DEFAULT '' CHECK (length(facts) <= 65536),
	report      BLOB NOT NULL DEFAULT (zeroblob(32)) CHECK (length(report) = 32),
	error_code  TEXT NOT NULL DEFAULT '' CHECK (length(error_code) <= 64),
	error_text  TEXT NOT NULL DEFAULT '' CHECK (length(error_text) <= 512),
	created     INTEGER NOT NULL CHECK (created > 0),
	version     INTEGER NOT NULL DEFAULT 1 CHECK (version > 0),
	CHECK (state <> 1 OR facts <> '')
) STRICT;
CREATE INDEX red_team_vendor ON red_team (vendor, id);
