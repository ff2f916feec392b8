/*
 * What hallmarkctl and hallmarkd understand, and what stands in angle brackets in any grammar.
 * Adding a command is one row here, and one handler in daemon/server/admin_table.c. Tests run every
 * command that is here.
 */
#include "commands.h"

static const char *const roles[] = { "admin", "issuer", "verifier", "auditor", NULL };
static const char *const formats[] = { "table", "json", "jsonl", NULL };
static const char *const shells[] = { "bash", NULL };
static const char *const kinds[] = { "selftest", "evaluate", "train", "watermark", NULL };
static const char *const parts[] = { "samples", "labels", NULL };
static const char *const locks[] = { "auto", "sealed", "advparams", "both", NULL };
static const char *const efforts[] = { "none", "quick", "full", NULL };
static const char *const profiles[] = { "quick", "standard", "full", NULL };
static const char *const channels[] = { "n-to-n", "n-to-one", NULL };
static const char *const answers[] = { "yes", "no", NULL };
static const char *const stales[] = { "undecided", "refused", NULL };
static const char *const carriers[] = { "lsb", "dct", NULL };
static const char *const image_uses[] = { "none", "unlock", NULL };
static const char *const bindings[] = { "none", "any", "two", "most", "all", NULL };
static const char *const components[] = { "product", "machine-id", "disk", "tpm", "container",
	NULL };
static const char *const actions[] = { "validate", "claim", "heartbeat", "unlock", "renew",
	"transfer", "reinstate", NULL };
static const char *const states[] = { "active", "suspended", "revoked", "transferred", NULL };

/* clang-format off */
const struct placeholder placeholders[] = {
	{ "vendor",  WANT_TEXT,   1, 128, NULL, NULL, "a vendor, by its id or its name" },
	{ "name",    WANT_TEXT,   1, 128, NULL, NULL, "a name that people choose" },
	{ "token",   WANT_ID,     0, 0, "tok", NULL, "a token's id, as `token list` shows it" },
	{ "job",     WANT_ID,     0, 0, "job", NULL, "a job's id, as `job list` shows it" },
	{ "model",   WANT_TEXT,   1, 128, NULL, NULL, "a model, by its id or its name" },
	{ "dataset", WANT_TEXT,   1, 128, NULL, NULL, "a data set, by its id or its name" },
	{ "part",    WANT_WORD,   0, 0, NULL, parts, "samples or labels" },
	{ "labels",  WANT_FILE,   1, 4095, NULL, NULL, "a file with the labels" },
	{ "lock",    WANT_WORD,   0, 0, NULL, locks, "auto, sealed, advparams or both" },
	{ "effort",  WANT_WORD,   0, 0, NULL, efforts, "none, quick or full: how much is tried to break the lock" },
	{ "release", WANT_TEXT,   1, 40, NULL, NULL, "a release, by its id, or by its number for the model" },
	{ "release-id", WANT_ID,  0, 0, "rel", NULL, "a release's id, as `release list` shows it" },
	{ "customer-number", WANT_NUMBER, 1, INT64_C(4294967295), NULL, NULL, "a number from 1 on" },
	{ "jwk",     WANT_TEXT,   2, 4096, NULL, NULL, "a public key as a JSON Web Key, or @FILE" },
	{ "role",    WANT_WORD,   0, 0, NULL, roles, "admin, issuer, verifier or auditor; several with commas" },
	{ "format",  WANT_WORD,   0, 0, NULL, formats, "table, json or jsonl" },
	{ "shell",   WANT_WORD,   0, 0, NULL, shells, "bash" },
	{ "kind",    WANT_WORD,   0, 0, NULL, kinds, "a kind of job" },
	{ "time",    WANT_TIME,   0, 0, NULL, NULL, "90d, 12h (m h d w y), 2027-01-31, an RFC 3339 time, or never" },
	{ "file",    WANT_FILE,   1, 4095, NULL, NULL, "a path" },
	{ "share",   WANT_SECRET, 0, 0, NULL, NULL, "@FILE, or - for standard input; never the share itself" },
	{ "url",     WANT_TEXT,   9, 1000, NULL, NULL, "https://HOST[:PORT]" },
	{ "json",    WANT_TEXT,   2, 60000, NULL, NULL, "a JSON object, or @FILE" },
	{ "count",   WANT_NUMBER, 1, 16, NULL, NULL, "a number up to 16" },
	{ "lines",   WANT_NUMBER, 1, 100000, NULL, NULL, "a number of lines" },
	{ "number",  WANT_NUMBER, 0, INT64_C(999999999999), NULL, NULL, "a number" },
	{ "words",   WANT_TEXT,   1, 4095, NULL, NULL, "words" },
	{ "image",   WANT_FILE,   1, 4095, NULL, NULL, "a license's key image: the PNG of `license image`" },
	{ "key-image", WANT_ID,   0, 0, "kim", NULL, "a key image's id, as `key-image list` shows it" },
	{ "carrier", WANT_WORD,   0, 0, NULL, carriers, "lsb, which bears lossless files, or dct, which bears JPEG" },
	{ "unlock-key", WANT_FILE, 1, 4095, NULL, NULL, "the file of an unlock key" },
	{ "artifact", WANT_FILE,  1, 4095, NULL, NULL, "the file of a locked model" },
	{ "out",     WANT_FILE,   1, 4095, NULL, NULL, "the file that is made" },
	{ "private-key", WANT_FILE, 1, 4095, NULL, NULL, "a file of `key new`" },
	{ "passphrase", WANT_SECRET, 0, 0, NULL, NULL, "@FILE, or - for standard input; never the passphrase itself" },
	{ "customer", WANT_TEXT,  1, 128, NULL, NULL, "a customer, by its id or its name" },
	{ "email",   WANT_TEXT,   3, 254, NULL, NULL, "an address" },
	{ "policy",  WANT_TEXT,   1, 128, NULL, NULL, "a policy, by its id or its name" },
	{ "license", WANT_TEXT,   1, 128, NULL, NULL, "a license, by its id or the vendor's own reference" },
	{ "release-name", WANT_TEXT, 3, 180, NULL, NULL, "a release, as MODEL/NUMBER or by its id" },
	{ "webhook", WANT_ID,     0, 0, "whk", NULL, "a webhook's id, as `webhook list` shows it" },
	{ "event-id", WANT_ID,    0, 0, "evt", NULL, "an event's id, as `webhook messages` shows it" },
	{ "event",   WANT_TEXT,   1, 64, NULL, NULL, "a kind of event (license.revoked), or * for all" },
	{ "reference", WANT_TEXT, 1, 128, NULL, NULL, "the vendor's own number for it" },
	{ "reason",  WANT_TEXT,   1, 256, NULL, NULL, "why, in a sentence" },
	{ "span",    WANT_SPAN,   0, 0, NULL, NULL, "90s, 10m, 12h, 7d (s m h d w y), or 0" },
	{ "since",   WANT_TEXT,   1, 40, NULL, NULL, "2h (s m h d w y) ago, 2027-01-31, or an RFC 3339 time" },
	{ "hours",   WANT_NUMBER, 1, 8760, NULL, NULL, "a number of hours" },
	{ "days",    WANT_NUMBER, 0, 36600, NULL, NULL, "a number of days, or 0 for no end" },
	{ "seats",   WANT_NUMBER, 1, 1000000, NULL, NULL, "a number of machines" },
	{ "approvers", WANT_NUMBER, 0, 16, NULL, NULL, "a number of tokens, up to 16" },
	{ "times",   WANT_NUMBER, 0, 1000000000, NULL, NULL, "a number" },
	{ "connections", WANT_NUMBER, 1, 256, NULL, NULL, "a number up to 256" },
	{ "watermark", WANT_TEXT, 1, 128, NULL, NULL, "a watermark, by its id or its model's name" },
	{ "slots",   WANT_TEXT,   1, 128, NULL, NULL, "slots, by their id or their model's name" },
	{ "customers", WANT_NUMBER, 1, 4294967295, NULL, NULL, "a number" },
	{ "colluders", WANT_NUMBER, 1, 10, NULL, NULL, "a number up to 10" },
	{ "channels", WANT_WORD,  0, 0, NULL, channels, "n-to-n or n-to-one" },
	{ "pairs",   WANT_NUMBER, 0, 1024, NULL, NULL, "a number up to 1024" },
	{ "epochs",  WANT_NUMBER, 1, 200, NULL, NULL, "a number up to 200" },
	{ "suspect", WANT_TEXT,   1, 128, NULL, NULL, "a suspect, by its id, or by its name if no other has it" },
	{ "verification", WANT_ID, 0, 0, "ver", NULL, "a verification's id, as `verification list` shows it" },
	{ "red-team", WANT_ID,    0, 0, "rdt", NULL, "a red team's id, as `redteam list` shows it" },
	{ "profile", WANT_WORD,   0, 0, NULL, profiles, "quick, standard or full: minutes, a quarter of an hour, hours" },
	{ "attacks", WANT_TEXT,   1, 512, NULL, NULL, "attacks by their ids, with commas: W1,T2" },
	{ "challenge", WANT_ID,   0, 0, "cha", NULL, "a challenge's id, as `suspect challenge` shows it" },
	{ "note",    WANT_TEXT,   1, 1024, NULL, NULL, "words" },
	{ "decoys",  WANT_NUMBER, 0, 2048, NULL, NULL, "a number up to 2048" },
	{ "chance",  WANT_TEXT,   1, 32, NULL, NULL, "a chance between 0 and 1, such as 1e-6" },
	{ "answer",  WANT_WORD,   0, 0, NULL, answers, "yes or no" },
	{ "stale",   WANT_WORD,   0, 0, NULL, stales, "undecided or refused" },
	{ "image-use", WANT_WORD, 0, 0, NULL, image_uses, "none or unlock" },
	{ "binding", WANT_WORD,   0, 0, NULL, bindings, "none, any, two, most or all" },
	{ "components", WANT_WORD, 0, 0, NULL, components, "product, machine-id, disk, tpm, container; several with commas" },
	{ "action",  WANT_WORD,   0, 0, NULL, actions, "validate, claim, heartbeat, unlock, renew, transfer or reinstate" },
	{ "state",   WANT_WORD,   0, 0, NULL, states, "active, suspended, revoked or transferred" },
	{ "entitlement", WANT_TEXT, 1, 64, NULL, NULL, "a word of letters, digits and .-_:/" },
	{ "machine", WANT_TEXT,   1, 64, NULL, NULL, "a machine's name: letters, digits and ._-" },
	{ "license-id", WANT_ID,  0, 0, "lic", NULL, "a license's id, as the vendor tells it" },
	{ "license-file", WANT_TEXT, 1, 4095, NULL, NULL, "a license, by its id, or a license file" },
	{ "identity", WANT_ID,    0, 0, "cus", NULL, "an identity, as `identity list` shows it" },
	{ "code",    WANT_SECRET, 0, 0, NULL, NULL, "@FILE, or - for standard input; never the code itself" },
	{ "program", WANT_ANY,    0, 0, NULL, NULL, "a program and its arguments" },
};
/* clang-format on */
const size_t placeholders_n = COUNT(placeholders);

const struct placeholder *
placeholder_named(struct str name)
{
	for (size_t i = 0; i < COUNT(placeholders); i++)
		if (str_same(name, str_of(placeholders[i].name)))
			return &placeholders[i];
	return NULL;
}

/* ---- hallmarkctl ---------------------------------------------------------------------------- */

#define JOB_COLUMNS "id,kind,state,done,total,created,note"
#define AUDIT_COLUMNS "seq,at,actor,action,object,outcome,vendor,address"

/* clang-format off */
static const struct command ctl_commands[] = {
	{ "status", "how the daemon is: sealed or open, its keys, jobs and storage",
	  COMMAND_SEALED | COMMAND_ALWAYS | COMMAND_ONE, "" },
	{ "init [--shares <count>] [--threshold <count>]", "make the first keys",
	  COMMAND_SEALED | COMMAND_ONE, "",
	  "With `root-key = shares` the root key is split into --shares texts, any --threshold of "
	  "which open the daemon later. They are printed once and kept nowhere: give each to another "
	  "person. The daemon stays sealed until they are given back with `unseal`; until then `init` "
	  "may be repeated." },
	{ "unseal [<share>]", "give one share of the root key",
	  COMMAND_SEALED | COMMAND_ONE | COMMAND_SECRET, "",
	  "Without an argument the share is asked for at the terminal, or read from standard input. "
	  "With the root key in a file or credential no share is wanted: it is read again." },
	{ "seal", "forget all keys now; every other request is refused until `unseal`",
	  COMMAND_DESTRUCTIVE | COMMAND_ONE, "" },
	{ "rotate [--dry-run] [--wait]", "make new keys and seal everything under them, while serving",
	  COMMAND_ONE | COMMAND_STREAM, "",
	  "A rotation that a crash interrupts goes on after the next start. --wait shows its progress "
	  "and ends with it." },
	{ "vendor create <name>", "add a vendor", COMMAND_ONE, "" },
	{ "vendor list", "all vendors", 0, "id,name,suspended,created" },
	{ "vendor suspend <vendor> [--dry-run]", "refuse every request of a vendor from now on",
	  COMMAND_DESTRUCTIVE | COMMAND_ONE, "" },
	{ "vendor resume <vendor>", "take a suspension back", COMMAND_ONE, "" },
	{ "token create <vendor> [--role <role>]... [--name <name>] [--expires <time>]",
	  "make an API token; its secret is printed once", COMMAND_ONE, "",
	  "Without --role the token may do everything that its vendor may. Without --expires it ends "
	  "after a year." },
	{ "token list <vendor>", "a vendor's tokens, without their secrets", 0, TOKEN_COLUMNS },
	{ "token revoke <vendor> <token> [--dry-run]", "end a token now",
	  COMMAND_DESTRUCTIVE | COMMAND_ONE, "" },
	{ "job list [--vendor <vendor>]", "jobs, of one vendor or of all", 0, JOB_COLUMNS ",vendor" },
	{ "job show <job>", "state, progress and result of one job", COMMAND_ONE, "" },
	{ "job cancel <job>", "end a job", COMMAND_DESTRUCTIVE | COMMAND_ONE, "" },
	{ "release list [--vendor <vendor>]", "protected models, of one vendor or of all", 0,
	  "id,model,number,name,state,locks,created,vendor" },
	{ "release unlock-key <release-id> <customer-number> <jwk> <file> [--expires <time>]",
	  "make the unlock key of one customer", COMMAND_ONE | COMMAND_STREAM, "",
	  "The key opens the release's artifact and marks it with the customer's number. It is "
	  "encrypted to the customer's public key (hallmark key show), so that only the customer can "
	  "use it. Give each customer another number, and note which: a leaked copy tells the number." },
	{ "webhook list [--vendor <vendor>]", "where vendors are told of what happens, of one or of all", 0,
	  "id,url,events,paused,failures,rests_until,vendor" },
	{ "webhook log <webhook>", "what was sent to a webhook, and how it went", COMMAND_STREAM,
	  "event,type,at,state,attempts,status,due,note" },
	{ "webhook replay <webhook> [--event-id <event-id>] [--since <since>]", "send again", COMMAND_ONE, "",
	  "One event, or everything since a moment; what was delivered, too. It is sent under the same ids "
	  "as before. A webhook that rests after failures is tried at once." },
	{ "audit tail [--lines <lines>] [--follow]",
	  "the last rows of the audit", COMMAND_STREAM, AUDIT_COLUMNS },
	{ "audit verify", "check every row, the chain and its signed checkpoints",
	  COMMAND_ONE | COMMAND_STREAM, "",
	  "Ends with status 5 and names the first row that is wrong." },
	{ "audit export [--after <number>] [--vendor <vendor>]",
	  "the whole audit, or what follows a row", COMMAND_STREAM, AUDIT_COLUMNS,
	  "Use --format jsonl to get every column, one JSON object a line." },
	{ "db check", "check the database, and that the files of the vault are there", COMMAND_ONE | COMMAND_STREAM, "" },
	{ "db backup <file>", "copy the database, while serving, into a new file",
	  COMMAND_ONE | COMMAND_STREAM, "",
	  "The file is made by hallmarkctl, readable by its user alone. What is secret in it stays "
	  "sealed under the root key. The files of models, data sets and releases are not in it: they "
	  "lie in the folder `blobs` of the state folder, each sealed under a key of the database, and "
	  "are copied by ordinary means, after the database." },
	{ "db restore <file> [--conf <file>]", "put a backup in the place of the database",
	  COMMAND_DESTRUCTIVE | COMMAND_ONE | COMMAND_OFFLINE, "",
	  "The daemon must be stopped, and the command be run by the user who owns the state folder. "
	  "It starts `hallmarkd --offline db restore`, which checks the backup first and keeps the "
	  "old database beside the new one." },
	{ "doctor [--conf <file>]", "look for what is wrong, and say what to do about it",
	  COMMAND_SEALED | COMMAND_ALWAYS | COMMAND_OFFLINE, "state,check,finding,next",
	  "Works while the daemon is down, too: then `hallmarkd --offline doctor` looks at what can be "
	  "seen from outside. Ends with status 3 if something is wrong." },
	{ "metrics", "the daemon's counters, as Prometheus text",
	  COMMAND_SEALED | COMMAND_ALWAYS | COMMAND_ONE | COMMAND_TEXT, "" },
};

static const struct option ctl_options[] = {
	{ "--socket", "the daemon's admin socket; else the first of /run/hallmark-admin/socket, "
	  "/run/hallmark/admin.sock, /var/lib/hallmark/admin.sock, state/admin.sock" },
	{ "--format", "how data is printed; table unless said otherwise" },
	{ "--yes", "do not ask whether to go on", 'y' },
	{ "--help", "help on the program or on one command", 'h' },
	{ "--version", "the version" },
	{ "--completion", "a completion script for a shell" },
	{ "--man", "the manual page, in man(7) format" },
	{ "--shares", "how many shares of the root key to make" },
	{ "--threshold", "how many of them are needed to unseal" },
	{ "--dry-run", "say what would be done, and do not do it" },
	{ "--wait", "show progress, and end when it is done" },
	{ "--role", "what the token may do; may be given again" },
	{ "--name", "a name to know it by" },
	{ "--expires", "when it ends" },
	{ "--vendor", "of this vendor alone" },
	{ "--event-id", "this event alone" },
	{ "--since", "everything since then" },
	{ "--lines", "how many rows; 20 unless said otherwise", 'n' },
	{ "--follow", "go on with new rows as they come", 'f' },
	{ "--after", "the row after which to begin" },
	{ "--conf", "the daemon's configuration file, for work while it is down", 'c' },
};

static const char *const ctl_notes[] = {
	"DESCRIPTION",
	"hallmarkctl speaks to hallmarkd over a local socket. Root, the daemon's own user and the "
	"members of its admin-group may use it; who else tries is refused, and both are in the audit. "
	"Secrets come from standard input or from @FILE, never as an argument; new ones are printed "
	"once, on standard output.",
	OUTPUT, EXITS,
	"EXAMPLES",
	"hallmarkctl vendor create acme\n"
	"hallmarkctl token create acme --role admin --expires 90d\n"
	"hallmarkctl audit export --format jsonl > audit.jsonl",
	NULL,
};
/* clang-format on */

const struct program ctl_program = {
	.name = "hallmarkctl",
	.about = "administer a Hallmark daemon on this machine",
	.section = 1,
	.globals = "[--socket <file>] [--format <format>] [--yes] [--help] [--version] "
		   "[--completion <shell>] [--man]",
	.command = ctl_commands,
	.commands = COUNT(ctl_commands),
	.option = ctl_options,
	.options = COUNT(ctl_options),
	.notes = ctl_notes,
};

/* ---- hallmarkd: no commands, and hallmark.conf has a table of its own ------------------------ */

/* clang-format off */
static const struct option daemon_options[] = {
	{ "-c", "the configuration file; /etc/hallmark/hallmark.conf unless said otherwise" },
	{ "-n", "check the configuration, and end" },
	{ "--conf", "print a configuration file with every key, its meaning and its standard value" },
	{ "--restore", "put a backup in the place of the database, which no daemon may have open" },
	{ "--routes", "print the table of HTTP routes" },
	{ "--offline", "do one command of hallmarkctl (doctor, db restore) without serving; for hallmarkctl's use" },
	{ "--version", "the version" },
};

static const char *const daemon_notes[] = {
	"DESCRIPTION",
	"hallmarkd serves the HTTPS API and the admin socket, keeps the database, starts its custodian "
	"(which alone holds keys) and one worker for each job. Without the root key it is sealed: it "
	"answers its health, status and unseal, and refuses everything else.",
	"SIGNALS",
	"SIGHUP: read certificates and limits again, or keep the old ones and say why. SIGTERM: finish "
	"what is in flight, then end.",
	"FILES",
	"/etc/hallmark/hallmark.conf: the configuration, `key = value` lines.\n"
	"/var/lib/hallmark: the state folder.",
	NULL,
};
/* clang-format on */

const struct program daemon_program = {
	.name = "hallmarkd",
	.about = "licensing and authorisation daemon for trained neural networks",
	.section = 8,
	.globals =
	    "[-c <file>] [-n] [--conf] [--restore <file>] [--routes] [--offline <words>]... "
	    "[--version]",
	.option = daemon_options,
	.options = COUNT(daemon_options),
	.notes = daemon_notes,
};
