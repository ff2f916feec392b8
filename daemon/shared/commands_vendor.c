/*
 * What hallmark understands. Adding a command is one row here, and one handler in
 * daemon/cli/main.c. Tests run every command that is here.
 */
#include "commands.h"

#define ASSET_COLUMNS "id,name,state,created"
#define CUSTOMER_COLUMNS "id,number,name,state,enrolled,created"
#define POLICY_COLUMNS "id,name,seats,duration,offline,binding,retired"
#define LICENSE_COLUMNS "id,reference,customer,release,state,seats,seats_used,expires"
#define TERMS                                                                             \
	"[--seats <seats>] [--days <days>] [--offline <span>] [--stale <stale>] "         \
	"[--lease <span>] [--unlocks <times>] [--approvals <approvers>] "                 \
	"[--approvers <approvers>] [--binding <binding>] [--components <components>] "    \
	"[--entitlement <entitlement>]... [--tolerance <span>] [--grace-expired <span>] " \
	"[--grace-revoked <span>] [--renewable <answer>] [--transferable <answer>] "      \
	"[--image <image-use>] [--terms <json>]"

/* clang-format off */
static const struct command vendor_commands[] = {
	{ "login <url> [--cacert <file>]", "remember a server and a token for it", COMMAND_SECRET | COMMAND_ONE, "",
	  "The token is asked for at the terminal, or read from standard input. It is tried first; "
	  "only if the server accepts it are server, authority and token stored." },
	{ "key new <file> [--passphrase <passphrase>] [--no-passphrase]",
	  "make the key pair to which unlock keys are encrypted", COMMAND_SECRET | COMMAND_ONE, "",
	  "The file is for its user alone, and sealed with a passphrase, which is asked for at the "
	  "terminal. Give the vendor what `key show` prints." },
	{ "key show <file>", "the public half of a key pair, a JSON Web Key", COMMAND_ONE, "" },
	{ "artifact unlock <unlock-key> <artifact> <out> --key <private-key> [--passphrase <passphrase>] [--force]",
	  "make the working model of a locked one, from files alone", COMMAND_SECRET | COMMAND_ONE | COMMAND_STREAM, "",
	  "The model bears the mark of whom the unlock key was made for. The file appears when it is "
	  "whole. Ends with status 5 if the key is for another private key or another artifact, or if "
	  "one of the two was altered or cut short; then no file is made." },
	{ "artifact exec <unlock-key> <artifact> <program>... --key <private-key> [--passphrase <passphrase>]",
	  "run a program on the working model, from files alone",
	  COMMAND_SECRET | COMMAND_ONE | COMMAND_STREAM, "",
	  "Put -- before the program. The model lies in a memory file that nobody can change; its path "
	  "takes the place of {model} in the program's arguments. The program runs in the place of "
	  "hallmark, without core dumps; its exit status is passed on." },
	{ "enroll <code> [--server <url>] [--ca <file>] [--passphrase <passphrase>] [--no-passphrase]",
	  "become a vendor's customer, with the code that he gave", COMMAND_SECRET | COMMAND_ONE, "",
	  "Makes a key pair, which stays on this machine, and shows the server that it is ours. The "
	  "vendor's public keys are taken over: what he signs is checked with them from then on. If the "
	  "answer is lost, the same command does it again. Without --server it is the one of `login`." },
	{ "identity list", "the vendors that this machine's user is a customer of", 0,
	  "customer,vendor,vendor_name,server" },
	{ "identity licenses [--identity <identity>] [--passphrase <passphrase>]",
	  "the licenses that its vendor has issued to this customer", COMMAND_SECRET, LICENSE_COLUMNS },
	{ "identity rotate [--identity <identity>] [--passphrase <passphrase>]",
	  "put another key pair in the place of an identity's", COMMAND_SECRET | COMMAND_ONE, "",
	  "Cached unlock keys are of no use afterwards: the next unlocking asks for another. An attempt "
	  "that broke off is finished by the next one." },
	{ "license fetch <license-id> [--identity <identity>] [--passphrase <passphrase>]",
	  "fetch a license for this machine, and what is revoked", COMMAND_SECRET | COMMAND_ONE, "" },
	{ "license check <license-file> [--keys <file>] [--revocations <file>] [--artifact <artifact>] "
	  "[--image <image>] [--passphrase <passphrase>]",
	  "whether a license holds, without asking anybody", COMMAND_SECRET | COMMAND_ONE, "",
	  "By its id: the license that was fetched, with its list of revocations and the record of the "
	  "time last seen. By its file: what it says, by the vendor's public keys. Ends with status 0 if "
	  "it holds, 2 if that cannot be known now, 3 if it does not, 5 if something was altered." },
	{ "license image <license-id> --out <out> [--identity <identity>] [--passphrase <passphrase>]",
	  "fetch the key image that a license asks for", COMMAND_SECRET | COMMAND_ONE, "",
	  "The file is made for its user alone, and never replaces another. It is the same picture each "
	  "time, until the vendor replaces it. Show it with --image; whoever else has it still needs the "
	  "identity's key." },
	{ "unlock <license-id> <out> [--image <image>] [--artifact <artifact>] [--force] "
	  "[--identity <identity>] [--delivery <code>] [--passphrase <passphrase>]",
	  "make the working model of a licensed one", COMMAND_SECRET | COMMAND_ONE | COMMAND_STREAM, "",
	  "Fetches what is not here: license, artifact, unlock key. Without the server it works with "
	  "what is here, as long as the license allows. The model bears the customer's mark. A license "
	  "that asks for its key image is unlocked with --image: the server looks at the picture before "
	  "each unlock key, and without the server it is compared with the license." },
	{ "exec <license-id> <program>... [--image <image>] [--artifact <artifact>] "
	  "[--identity <identity>] [--delivery <code>] [--passphrase <passphrase>]",
	  "run a program on a licensed model, which never lies on a disk",
	  COMMAND_SECRET | COMMAND_ONE | COMMAND_STREAM, "",
	  "Put -- before the program. The model lies in a memory file that nobody can change; its path "
	  "takes the place of {model} in the program's arguments. hallmark stays beside the program, "
	  "keeps its seat, and passes on what it is sent and its exit status. When the license is "
	  "revoked, the program is told to end (SIGTERM) after the grace of the terms, and killed 10 s "
	  "later; the exit status is 3 then. While the server is out of reach it goes on, as long as the "
	  "license allows. A key image is shown once, when the program begins." },
	{ "status", "whether the server is ready and knows the token", COMMAND_ONE, "" },
	{ "token create <name> --role <role>... [--expires <time>]",
	  "make another API token; its secret is printed once", COMMAND_ONE, "" },
	{ "token list", "this vendor's tokens, without their secrets", 0, TOKEN_COLUMNS },
	{ "token revoke <token>", "end a token now", COMMAND_DESTRUCTIVE | COMMAND_ONE, "" },
	{ "model add <name> <file>", "upload a model (ONNX) and have it checked",
	  COMMAND_ONE | COMMAND_STREAM, "",
	  "Ends with status 3 if the model is refused; `model show` says why. An upload that was cut "
	  "off is taken up again by itself, and later by `model upload`." },
	{ "model upload <model> <file>", "go on with an upload", COMMAND_ONE | COMMAND_STREAM, "" },
	{ "model list", "this vendor's models", 0, ASSET_COLUMNS },
	{ "model show <model>", "what a model is", COMMAND_ONE, "" },
	{ "model delete <model>", "delete a model; the keys to its files are destroyed",
	  COMMAND_DESTRUCTIVE | COMMAND_ONE, "" },
	{ "model watermark <model> --name <name> --dataset <dataset> [--test <dataset>] "
	  "[--pictures <dataset>] [--pairs <pairs>] [--epochs <epochs>] [--compression] [--physical] "
	  "[--channels <channels>] [--params <json>] [--watch]",
	  "make a model that pictures prove to be the vendor's", COMMAND_ONE | COMMAND_STREAM, "",
	  "A job teaches a copy of the model one class more: pictures from outside the data set, of "
	  "which customers get theirs with an identity hidden in it, are answered with that class, and "
	  "nothing else is. The pictures are a data set of their own, without labels, of the size that "
	  "the model takes; without one they are drawn. Release the new model in the place of the old." },
	{ "watermark list", "what this vendor's models were taught", 0,
	  "id,name,model,source,state,keys,created" },
	{ "watermark show <watermark>", "state and facts of a watermark", COMMAND_ONE, "" },
	{ "watermark report <watermark> <file>", "fetch the report, as JSON", COMMAND_ONE | COMMAND_STREAM, "" },
	{ "watermark page <watermark> <file>", "fetch the report, as an HTML page", COMMAND_ONE | COMMAND_STREAM, "" },
	{ "slots create --model <model> --dataset <dataset> --customers <customers> "
	  "[--colluders <colluders>] [--params <json>] [--wait]",
	  "prepare a model for copies that can be told apart by their answers", COMMAND_ONE | COMMAND_STREAM, "",
	  "For customers who will only ever let others ask a service. A job draws pictures out of the "
	  "labelled data set; each customer's copy will answer them its own way. --customers is how many "
	  "there will ever be, --colluders how many may mix their copies or answers. A model that is too "
	  "small for that is refused, with what would fit. Done once for a model." },
	{ "slots copy <slots> --customer <customer> --dataset <dataset> [--test <dataset>] [--name <name>] "
	  "[--epochs <epochs>] [--params <json>] [--wait]",
	  "make one customer's copy of a model", COMMAND_ONE | COMMAND_STREAM, "",
	  "A job fine-tunes the model on the data until it answers as that customer's copy is to. The copy "
	  "is a model of its own: release it, and license the release to that customer, as nobody else may "
	  "have it. With --wait the status is 3 unless the copy answers as it should." },
	{ "slots list", "which models have slots", 0,
	  "id,name,model,state,customers,colluders,slots,created" },
	{ "slots show <slots>", "state and facts of a model's slots", COMMAND_ONE, "" },
	{ "dataset add <name> <file> [<labels>] [--no-labels]",
	  "upload a data set (NPY, NPZ, IDX) and have it checked", COMMAND_ONE | COMMAND_STREAM, "",
	  "The labels are a file of their own, or stand in the NPZ with the samples, or are not there "
	  "(--no-labels)." },
	{ "dataset upload <dataset> <part> <file>", "go on with an upload of samples or labels",
	  COMMAND_ONE | COMMAND_STREAM, "" },
	{ "dataset list", "this vendor's data sets", 0, ASSET_COLUMNS },
	{ "dataset show <dataset>", "what a data set is", COMMAND_ONE, "" },
	{ "dataset delete <dataset>", "delete a data set; the keys to its files are destroyed",
	  COMMAND_DESTRUCTIVE | COMMAND_ONE, "" },
	{ "release create <model> [--name <name>] [--dataset <dataset>] [--test <dataset>] "
	  "[--lock <lock>] [--effort <effort>] [--params <json>] [--watch]",
	  "make a protected version of a model", COMMAND_ONE | COMMAND_STREAM, "",
	  "A job locks the model, measures on the data set what is left of it and what a thief would "
	  "regain, and writes a report. The data set may be small, but must be labelled; without one "
	  "nothing can be measured, and the lock must be `sealed`. --params gives the finer options as "
	  "a JSON object." },
	{ "release list <model>", "the releases of a model", 0,
	  "id,number,name,state,locks,bytes,created" },
	{ "release show <model> <release>", "state and facts of a release", COMMAND_ONE, "" },
	{ "release fetch <model> <release> <file>", "fetch the locked artifact",
	  COMMAND_ONE | COMMAND_STREAM, "",
	  "The file is the same for everybody and may lie anywhere: without an unlock key it is of no "
	  "use." },
	{ "release report <model> <release> <file>", "fetch the report, as JSON", COMMAND_ONE | COMMAND_STREAM, "" },
	{ "release page <model> <release> <file>", "fetch the report, as an HTML page", COMMAND_ONE | COMMAND_STREAM, "" },
	{ "release bundle <model> <release> <file>", "fetch the artifact's signature, as a model-signing bundle",
	  COMMAND_ONE | COMMAND_STREAM, "" },
	{ "release delete <model> <release>",
	  "delete a release; no key to its artifact can be made any more",
	  COMMAND_DESTRUCTIVE | COMMAND_ONE, "" },
	{ "release redteam <release-name> --dataset <dataset> [--test <dataset>] [--profile <profile>] "
	  "[--rows <attacks>] [--wait]",
	  "do to a release what thieves would do", COMMAND_ONE | COMMAND_TEXT | COMMAND_STREAM, "",
	  "A job attacks copies of made-up customers and measures what is left each time: what it is "
	  "worth, and what a verification would say of it. The thief has one half of the labelled data "
	  "set. --rows tries those attacks alone. With --wait the table is shown, a line for each "
	  "attack, by the mildest form of it that wins, or else the strongest that leaves a useful "
	  "model; an attack wins against a test that is proof of an untouched copy and is none any more, "
	  "at a loss of less than five points of accuracy. The status is 3 if an innocent customer was "
	  "accused, or the job has failed." },
	{ "customer add <name> [--email <email>] [--hours <hours>] [--code-file <file>]",
	  "add a customer, and make the code with which it enrolls", COMMAND_ONE, "",
	  "The enrolment code is good once, for a week unless --hours says otherwise. It is printed "
	  "once, or written to a new file that only its user may read." },
	{ "customer list", "this vendor's customers", 0, CUSTOMER_COLUMNS },
	{ "customer show <customer>", "what is known of a customer", COMMAND_ONE, "" },
	{ "customer rename <customer> [--name <name>] [--email <email>]",
	  "change a customer's name or address", COMMAND_ONE, "" },
	{ "customer suspend <customer> [--reason <reason>]",
	  "refuse whatever a customer asks, for now", COMMAND_ONE, "" },
	{ "customer reinstate <customer>", "take a suspension back", COMMAND_ONE, "" },
	{ "customer erase <customer>", "forget a customer, and revoke its licenses",
	  COMMAND_DESTRUCTIVE | COMMAND_ONE, "",
	  "Name, address and key are gone for good. Its number stays, because its copies are marked "
	  "with it, and the audit stays whole." },
	{ "customer code <customer> [--hours <hours>] [--code-file <file>]",
	  "make another enrolment code, for a key that was lost too", COMMAND_ONE, "",
	  "The code before it is good no more. Whoever enrolls with the new one registers a new key in "
	  "the place of the old." },
	{ "policy add <name> " TERMS, "make terms that many licenses share", COMMAND_ONE, "",
	  "What is not said is a year, one seat, any machine, a week offline. --terms gives all of "
	  "them as a JSON object; options beside it win." },
	{ "policy list", "this vendor's policies", 0, POLICY_COLUMNS },
	{ "policy show <policy>", "the terms of a policy", COMMAND_ONE, "" },
	{ "policy change <policy> [--name <name>] " TERMS, "change terms, for the licenses too that stand on them",
	  COMMAND_ONE, "" },
	{ "policy retire <policy>", "issue nothing more under it; what was issued stays good", COMMAND_ONE, "" },
	{ "policy delete <policy>", "delete a policy that no license stands on",
	  COMMAND_DESTRUCTIVE | COMMAND_ONE, "" },
	{ "license issue <customer> <release-name> <policy> [--reference <reference>] [--seats <seats>] "
	  "[--from <time>] [--expires <time>] [--entitlement <entitlement>]... [--dry-run]",
	  "license a release to a customer", COMMAND_ONE, "",
	  "Seats, term and entitlements are the policy's unless said otherwise, and never more. A "
	  "reference is the vendor's own number; no two licenses have the same." },
	{ "license list [--customer <customer>] [--release <release-name>] [--state <state>]",
	  "this vendor's licenses", 0, LICENSE_COLUMNS },
	{ "license show <license>", "what a license says, and how it stands", COMMAND_ONE, "" },
	{ "license renew <license> [--expires <time>] [--seats <seats>] [--entitlement <entitlement>]...",
	  "give a license another term, other seats or entitlements", COMMAND_ONE, "" },
	{ "license suspend <license> [--reason <reason>]", "refuse its use, for now", COMMAND_ONE, "" },
	{ "license reinstate <license>", "take a suspension back", COMMAND_ONE, "" },
	{ "license revoke <license> [--reason <reason>] [--dry-run]", "end a license for good",
	  COMMAND_DESTRUCTIVE | COMMAND_ONE, "",
	  "Nothing is unlocked with it from then on; its machines hear of it with the next list of "
	  "revocations." },
	{ "license transfer <license> <customer>", "hand a license on to another customer",
	  COMMAND_DESTRUCTIVE | COMMAND_ONE, "",
	  "The license ends, and the other customer gets a new one for the rest of its term." },
	{ "license explain <license> [--action <action>] [--machine <machine>] [--customer <customer>]",
	  "why an action would be allowed or refused, rule by rule", 0, "rule,decided,code,saw",
	  "--customer is to whom a transfer would go. Ends with status 3 if it would be refused." },
	{ "license approve <license> [--withdraw]", "agree that its unlock keys be released", COMMAND_ONE, "",
	  "Where the policy asks for several approvals, each must come from another token." },
	{ "license deliver <license> [--hours <hours>] [--secret-file <file>]",
	  "make a code for one unlock key, to be handed over by other ways", COMMAND_ONE, "",
	  "It is printed once, or written to a new file that only its user may read." },
	{ "license deliveries <license>", "the codes made for a license, without the codes", 0,
	  "id,created,expires,spent" },
	{ "license machines <license>", "the machines that a license is bound to", 0, "components,fingerprint" },
	{ "license unbind <license>", "let a license be bound to other machines",
	  COMMAND_DESTRUCTIVE | COMMAND_ONE, "" },
	{ "license seats <license>", "the seats that are taken", 0, "machine,claimed,expires" },
	{ "key-image create <license> [--carrier <carrier>]", "make a key image for a license", COMMAND_ONE, "",
	  "Where the policy asks for one it is made with the license. The release must be of a "
	  "watermarked model." },
	{ "key-image list [--license <license>]", "the key images of this vendor, or of one license", 0,
	  "id,license,customer,serial,state,issued,expires" },
	{ "key-image show <key-image> [--out <out>]", "what a key image is; with --out, the picture itself",
	  COMMAND_ONE, "" },
	{ "key-image revoke <key-image> [--reason <reason>]", "accept a key image no more",
	  COMMAND_DESTRUCTIVE | COMMAND_ONE, "",
	  "The license stays as it is; where it asks for a key image, it is unlocked no more until it has "
	  "another one." },
	{ "key-image reissue <key-image> [--reason <reason>]", "put another key image in the place of one",
	  COMMAND_DESTRUCTIVE | COMMAND_ONE, "" },
	{ "key-image link <key-image> [--hours <hours>] [--secret-file <file>]",
	  "make an address from which a key image is fetched once", COMMAND_ONE, "",
	  "Whoever has the address has the picture: it is printed once, or written to a new file that only "
	  "its user may read." },
	{ "suspect add <file> [--name <name>] [--appeared <since>] [--challenge <challenge>] [--note <note>]",
	  "upload something that may be this vendor's", COMMAND_ONE | COMMAND_STREAM, "",
	  "A model (ONNX), an unlock key, a key image, or the answers of a service to a challenge (CSV or "
	  "JSON lines). What it is, is told by its bytes, and only a verification looks into them. "
	  "--appeared is when it was first known, if that was before now: what was made later proves "
	  "nothing about it. The name is the file's unless said otherwise." },
	{ "suspect list", "what this vendor suspects", 0, "id,name,state,bytes,appeared,created" },
	{ "suspect show <suspect>", "what is known of a suspect", COMMAND_ONE, "" },
	{ "suspect delete <suspect>", "delete a suspect; the keys to its file are destroyed",
	  COMMAND_DESTRUCTIVE | COMMAND_ONE, "" },
	{ "suspect challenge --out <out> --dataset <dataset> [--release <release-name>] "
	  "[--watermark <watermark>] [--pairs <pairs>] [--decoys <decoys>]",
	  "make pictures to be shown to a service that may run a vendor's model", COMMAND_ONE | COMMAND_STREAM, "",
	  "The file is a tar of pictures and of answers.csv, which is to be filled in with what the service "
	  "answers to each, and then given to `suspect add` with --challenge. Key pictures and their twins "
	  "lie among ordinary samples of the data set, in an order that only the server knows. A key picture "
	  "that was shown to anybody is never asked again. Where copies of the model can be told apart by "
	  "their answers, the pictures of its slots are there each time; with --pairs 0 they alone." },
	{ "verification start <suspect> <release-name> [--dataset <dataset>] [--null <model>]... "
	  "[--eps1 <chance>] [--wait]",
	  "find out whether a suspect is this vendor's, and who leaked it",
	  COMMAND_ONE | COMMAND_TEXT | COMMAND_STREAM, "",
	  "A labelled data set lets more be tested; --null names models of the vendor's that are known to "
	  "have nothing to do with the suspect, and may be given again. --eps1 is the accepted chance of "
	  "accusing any innocent customer. With --wait the evidence is fetched and checked before a word "
	  "is said about it, and the status is 0 only if the verdict is `proven`, 3 if it is `indicative`, "
	  "`no-evidence` or `cannot-decide`, and 5 if the evidence does not hold. Without it the status "
	  "only says that the work has begun." },
	{ "verification list", "this vendor's verifications", 0,
	  "id,suspect,release,state,verdict,accused,created" },
	{ "verification show <verification>", "the verdict, the tests and the accused",
	  COMMAND_ONE | COMMAND_TEXT | COMMAND_STREAM, "",
	  "The status follows the verdict, as that of `verification start --wait` does." },
	{ "verification report <verification> [--out <out>]", "fetch the report, as JSON",
	  COMMAND_ONE | COMMAND_TEXT | COMMAND_STREAM, "" },
	{ "verification page <verification> [--out <out>]", "fetch the evidence, as an HTML page",
	  COMMAND_ONE | COMMAND_TEXT | COMMAND_STREAM, "" },
	{ "verification evidence <verification> [--out <out>]", "fetch the evidence, as JSON",
	  COMMAND_ONE | COMMAND_TEXT | COMMAND_STREAM, "",
	  "The report, and what the vendor's server signed about it: what `verification check` looks at." },
	{ "verification check <file> [--keys <file>]", "whether evidence holds, without asking anybody",
	  COMMAND_ONE | COMMAND_TEXT, "",
	  "The file is what `verification evidence` or `verification page` fetched. The signature is checked "
	  "with --keys, or with the keys of every vendor whose customer this machine's user is; then the "
	  "digest of the report; then the report is computed anew from what it says was counted. Ends with "
	  "status 0 if it holds and says `proven`, 3 if it holds and says anything else, 5 if it does not "
	  "hold." },
	{ "redteam list", "what was done to this vendor's releases", 0,
	  "id,release,profile,state,attacks,wins,false_accusations,created" },
	{ "redteam show <red-team>", "the table of the attacks",
	  COMMAND_ONE | COMMAND_TEXT | COMMAND_STREAM, "",
	  "The status is that of `release redteam --wait`." },
	{ "redteam report <red-team> [--out <out>]", "fetch the report, as JSON",
	  COMMAND_ONE | COMMAND_TEXT | COMMAND_STREAM, "" },
	{ "redteam page <red-team> [--out <out>]", "fetch the report, as an HTML page",
	  COMMAND_ONE | COMMAND_TEXT | COMMAND_STREAM, "" },
	{ "import <file> [--connections <connections>] [--codes <file>] [--dry-run]",
	  "customers and licenses by the thousand, from CSV or JSON lines", COMMAND_ONE | COMMAND_STREAM, "",
	  "A CSV has a line of column names first: name, email, release, policy, reference, seats, from, "
	  "expires, entitlements (with blanks between). JSON lines have the same members. Each line makes a "
	  "customer, unless there is one of that name, and, if it names a release, a license, whose "
	  "reference is the line's own or one that is made of the line. What is there already is left as "
	  "it is: a command that was broken off is simply given again. Dates are dates, not spans. Lines "
	  "that are refused go to FILE.refused.jsonl, with the reason; the status is 0 only if there are "
	  "none. The enrolment codes of new customers go to --codes, a file for its user alone." },
	{ "webhook add <url> [--event <event>]... [--secret-file <file>]",
	  "be told of events at an address", COMMAND_ONE, "",
	  "Messages are signed as Standard Webhooks say. The secret is printed once, or written to a new "
	  "file that only its user may read." },
	{ "webhook list", "this vendor's webhooks", 0, "id,url,events,paused,failures,created" },
	{ "webhook show <webhook>", "where a webhook goes, and for what", COMMAND_ONE, "" },
	{ "webhook change <webhook> [--url <url>] [--event <event>]... [--paused <answer>]",
	  "change a webhook", COMMAND_ONE, "" },
	{ "webhook delete <webhook>", "be told no more", COMMAND_DESTRUCTIVE | COMMAND_ONE, "" },
	{ "webhook messages <webhook>", "what was sent, and how it went", 0,
	  "event,type,state,attempts,status,note" },
	{ "webhook replay <webhook> [--event-id <event-id>] [--since <since>]", "send again", COMMAND_ONE, "",
	  "One event, or everything since a moment; what was delivered, too." },
	{ "webhook ping <webhook>", "send a message that means nothing", COMMAND_ONE, "" },
	{ "job submit <kind> [--params <json>] [--watch]", "start a job", COMMAND_ONE | COMMAND_STREAM, "",
	  "The job's parameters are a JSON object. A selftest, which needs none, lets a worker hash a "
	  "text: --params '{\"text\": \"x\", \"steps\": 10}'." },
	{ "job list", "this vendor's jobs", 0,
	  "id,kind,state,progress.done,progress.total,created,progress.note" },
	{ "job show <job>", "state, progress and result of one job", COMMAND_ONE, "" },
	{ "job watch <job>", "follow a job until it ends", COMMAND_ONE | COMMAND_STREAM, "",
	  "Ends with status 3 if the job failed or was cancelled." },
	{ "job cancel <job>", "end a job", COMMAND_DESTRUCTIVE | COMMAND_ONE, "" },
	{ "audit list [--after <number>] [--limit <lines>]", "this vendor's part of the audit", 0,
	  "seq,at,actor,action,object,outcome,address" },
};

static const struct option vendor_options[] = {
	{ "--config", "folder of the configuration; ~/.config/hallmark unless said otherwise" },
	{ "--token-file", "the token, in a file that only its user may read; - reads it from standard input" },
	{ "--format", "how data is printed; table unless said otherwise" },
	{ "--yes", "do not ask whether to go on", 'y' },
	{ "--help", "help on the program or on one command", 'h' },
	{ "--version", "the version" },
	{ "--completion", "a completion script for a shell" },
	{ "--man", "the manual page, in man(7) format" },
	{ "--key", "the private key that the unlock key was made for" },
	{ "--passphrase", "of the private key; asked for at the terminal if it has one" },
	{ "--no-passphrase", "leave the private key as it is: whoever reads the file has it" },
	{ "--force", "replace the file if it exists" },
	{ "--server", "the vendor's server" },
	{ "--ca", "the authority that signed its certificate, PEM; the system's if absent" },
	{ "--identity", "as whom, if there are several: one of `identity list`" },
	{ "--out", "the file that is made", 'o' },
	{ "--license", "of this license alone" },
	{ "--carrier", "how the identity is hidden in it; lsb unless said otherwise" },
	{ "--artifact", "the locked model, if it is here already; fetched and kept otherwise" },
	{ "--delivery", "a code that the vendor gave for one unlocking" },
	{ "--keys", "the vendor's public keys, a set of JSON Web Keys" },
	{ "--revocations", "the vendor's list of revocations" },
	{ "--cacert", "the authority that signed the server's certificate, PEM; the system's if absent" },
	{ "--role", "what the token may do; may be given again" },
	{ "--expires", "when it ends" },
	{ "--params", "the job's parameters" },
	{ "--name", "a name to know it by" },
	{ "--dataset", "labelled samples to lock, to teach and to measure with" },
	{ "--test", "other samples, to measure with alone" },
	{ "--lock", "which lock; auto, which tries both, unless said otherwise" },
	{ "--effort", "how much is tried to break it; quick unless said otherwise" },
	{ "--profile", "how long it may take; quick unless said otherwise" },
	{ "--rows", "these attacks; all of the profile unless said otherwise" },
	{ "--pictures", "clean pictures that belong to none of the model's classes" },
	{ "--pairs", "of pictures; 100 unless said otherwise" },
	{ "--epochs", "how often the data is gone through at most" },
	{ "--compression", "pictures are answered after JPEG, JPEG 2000 and WebP too" },
	{ "--physical", "pictures are answered as a camera sees them too" },
	{ "--channels", "triggers in single colour channels are taught too" },
	{ "--no-labels", "the samples have no labels" },
	{ "--watch", "follow the job until it ends" },
	{ "--email", "an address to reach them" },
	{ "--hours", "how long it is good" },
	{ "--code-file", "a new file for the enrolment code, in the place of the output" },
	{ "--secret-file", "a new file for the secret, in the place of the output" },
	{ "--reason", "kept with it, for people" },
	{ "--seats", "how many machines at once" },
	{ "--days", "how long a license lasts; 0: without end" },
	{ "--offline", "how long it works without having asked the server" },
	{ "--stale", "what it is after that: refused, or undecided" },
	{ "--lease", "how long a seat lasts that is not renewed" },
	{ "--unlocks", "how many unlock keys in all" },
	{ "--approvals", "how many must agree before an unlock key is released" },
	{ "--approvers", "of how many" },
	{ "--binding", "how much of a machine must stay the same" },
	{ "--components", "what of a machine counts" },
	{ "--entitlement", "something that the license allows; may be given again" },
	{ "--tolerance", "how far a clock may step back unnoticed" },
	{ "--grace-expired", "how long what runs may run on after the end" },
	{ "--grace-revoked", "how long what runs may run on after a revocation" },
	{ "--renewable", "whether a license may be renewed" },
	{ "--transferable", "whether a license may be handed on" },
	{ "--image", "a license's key image, as a file; of a policy: where it has to be shown" },
	{ "--terms", "all terms at once" },
	{ "--reference", "the vendor's own number for the license" },
	{ "--from", "when it begins; now unless said otherwise" },
	{ "--dry-run", "say what would be done, and do not do it" },
	{ "--customer", "which customer" },
	{ "--release", "which release" },
	{ "--state", "in this state alone" },
	{ "--action", "what is to be done; validate unless said otherwise" },
	{ "--machine", "on which machine" },
	{ "--withdraw", "take one's approval back" },
	{ "--appeared", "when it was first known; now unless said otherwise" },
	{ "--challenge", "the challenge that the answers are to, as `suspect challenge` told it" },
	{ "--note", "kept with it, for people" },
	{ "--watermark", "which watermark" },
	{ "--decoys", "how many ordinary samples are among the pictures" },
	{ "--model", "which model" },
	{ "--customers", "how many there will ever be" },
	{ "--colluders", "how many of them may act together; 2 unless said otherwise" },
	{ "--null", "a model that is known to be independent; may be given again" },
	{ "--eps1", "the accepted chance of accusing any innocent customer; 1e-6 unless said otherwise" },
	{ "--wait", "follow it to its end, and check what came of it" },
	{ "--connections", "how many at once; 16 unless said otherwise" },
	{ "--codes", "where the enrolment codes of new customers go" },
	{ "--event", "which to be told of; may be given again; all unless said otherwise" },
	{ "--url", "where to" },
	{ "--paused", "whether messages wait" },
	{ "--event-id", "this one" },
	{ "--since", "everything since then" },
	{ "--after", "the row after which to begin" },
	{ "--limit", "how many rows at most; 200 unless said otherwise", 'n' },
};

static const char *const vendor_notes[] = {
	"DESCRIPTION",
	"hallmark is what a model vendor and its customers work with: it speaks to a Hallmark server "
	"over HTTPS, whose certificate is always verified. Every change carries an Idempotency-Key, so that what is "
	"tried again after a broken connection is done once.",
	OUTPUT, EXITS,
	"FILES",
	"~/.config/hallmark/config: `server = URL` and `ca = FILE`.\n"
	"~/.config/hallmark/token: the token, readable by its user alone. $HALLMARK_TOKEN_FILE names "
	"another file.\n"
	"~/.config/hallmark/customers, ~/.config/hallmark/licenses: a customer's keys and licenses.\n"
	"~/.local/state/hallmark: the time last seen of each license. ~/.cache/hallmark: artifacts.",
	"EXAMPLES",
	"hallmark login https://localhost:8443 --cacert state/certificate.pem < state/token\n"
	"hallmark job submit selftest --watch\n"
	"hallmark key new me.jwk\n"
	"hallmark enroll @code --server https://models.example.com --no-passphrase\n"
	"hallmark unlock lic_01890a5d-ac96-774b-bcce-b302099a8057 model.onnx\n"
	"hallmark license image lic_01890a5d-ac96-774b-bcce-b302099a8057 -o me.png\n"
	"hallmark exec lic_01890a5d-ac96-774b-bcce-b302099a8057 --image me.png -- ./infer --model {model}\n"
	"hallmark artifact unlock model.key model.locked.onnx model.onnx --key me.jwk\n"
	"hallmark suspect add found.onnx\n"
	"hallmark verification start found.onnx lenet/1 --wait\n"
	"hallmark verification check evidence.html --keys keys.json\n"
	"hallmark release redteam lenet/1 --dataset test --rows W1,I1 --wait\n"
	"hallmark audit list --format jsonl",
	NULL,
};
/* clang-format on */

const struct program vendor_program = {
	.name = "hallmark",
	.about = "work with a Hallmark server",
	.section = 1,
	.globals =
	    "[--config <file>] [--token-file <file>] [--format <format>] [--yes] [--help] "
	    "[--version] [--completion <shell>] [--man]",
	.command = vendor_commands,
	.commands = COUNT(vendor_commands),
	.option = vendor_options,
	.options = COUNT(vendor_options),
	.notes = vendor_notes,
};
