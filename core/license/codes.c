/*
 * What a verdict can be, one row each: its name for programs, whether it is a yes, a no, or neither
 * because something is not known at the moment, and a sentence that tells a person what to do next.
 * An outage is never a refusal, nor a refusal an outage: the column says which.
 */
#include "rules.h"

/* clang-format off */
static const struct {
	const char *wire;
	enum ruling answer;
	const char *sentence;
} codes[] = {
#define YES ANSWER_YES
#define NOW ANSWER_UNDECIDED
#define NO ANSWER_NO
	[V_VALID] = { "VALID", YES, "The license is valid." },
	[V_VALID_OFFLINE] = { "VALID_OFFLINE", YES,
	    "The license is valid, by an old list of revocations: connect to the network some time soon." },
	[V_VALID_IN_GRACE] = { "VALID_IN_GRACE", YES,
	    "The license has expired; what runs may run on for a short while: renew the license now." },

	[V_DIRECTORY_UNAVAILABLE] = { "DIRECTORY_UNAVAILABLE", NOW,
	    "The server could not look up the license: try again shortly." },
	[V_COUNTERS_UNAVAILABLE] = { "COUNTERS_UNAVAILABLE", NOW,
	    "The server could not count seats and unlocks: try again shortly." },
	[V_KEYS_SEALED] = { "KEYS_SEALED", NOW,
	    "The server's keys are sealed: try again after its administrator has unsealed it." },
	[V_CLOCK_IMPLAUSIBLE] = { "CLOCK_IMPLAUSIBLE", NOW,
	    "The clock cannot be right: set it, then try again." },
	[V_CLOCK_STEPPED_BACK] = { "CLOCK_STEPPED_BACK", NOW,
	    "The clock stands before a moment that has already been: set it right; if it was ahead then, "
	    "fetch the license again." },
	[V_CLOCK_BEFORE_ISSUE] = { "CLOCK_BEFORE_ISSUE", NOW,
	    "The clock stands before the license was issued: set it right, then try again." },
	[V_SIGNER_UNKNOWN] = { "SIGNER_UNKNOWN", NOW,
	    "The license is signed by a key that is not among the vendor's keys here: fetch these anew." },
	[V_REVOCATIONS_UNKNOWN] = { "REVOCATIONS_UNKNOWN", NOW,
	    "Whether the license was revoked is not known here any more: connect to the network." },
	[V_REVOCATIONS_INVALID] = { "REVOCATIONS_INVALID", NOW,
	    "The list of revocations is damaged or not the vendor's: fetch it again." },
	[V_REVOCATIONS_OLD] = { "REVOCATIONS_OLD", NOW,
	    "A newer list of revocations was here before: fetch it again." },

	[V_VENDOR_NOT_FOUND] = { "VENDOR_NOT_FOUND", NO,
	    "There is no such vendor: check the address of the server." },
	[V_VENDOR_SUSPENDED] = { "VENDOR_SUSPENDED", NO,
	    "The vendor is suspended: ask the administrator of the server." },
	[V_CUSTOMER_NOT_FOUND] = { "CUSTOMER_NOT_FOUND", NO,
	    "There is no such customer: check the id." },
	[V_CUSTOMER_SUSPENDED] = { "CUSTOMER_SUSPENDED", NO,
	    "The customer is suspended: ask the vendor." },
	[V_CUSTOMER_ERASED] = { "CUSTOMER_ERASED", NO,
	    "The customer's data were erased: the vendor must create the customer again." },
	[V_CUSTOMER_NOT_ENROLLED] = { "CUSTOMER_NOT_ENROLLED", NO,
	    "The customer has no key yet: run `hallmark enroll` with the code from the vendor." },
	[V_RELEASE_NOT_FOUND] = { "RELEASE_NOT_FOUND", NO,
	    "There is no such release: check the id." },
	[V_RELEASE_NOT_READY] = { "RELEASE_NOT_READY", NO,
	    "The release is still being made: wait until its job is done." },
	[V_RELEASE_WITHDRAWN] = { "RELEASE_WITHDRAWN", NO,
	    "The vendor has withdrawn the release: ask for a license of another one." },
	[V_LICENSE_NOT_FOUND] = { "LICENSE_NOT_FOUND", NO,
	    "There is no such license: check the id." },
	[V_LICENSE_OF_OTHER_CUSTOMER] = { "LICENSE_OF_OTHER_CUSTOMER", NO,
	    "The license is another customer's: use the key it was issued to." },
	[V_LICENSE_OF_OTHER_RELEASE] = { "LICENSE_OF_OTHER_RELEASE", NO,
	    "The license is for another release: take the artifact that it names." },
	[V_LICENSE_SUSPENDED] = { "LICENSE_SUSPENDED", NO,
	    "The license is suspended: ask the vendor to reinstate it." },
	[V_LICENSE_REVOKED] = { "LICENSE_REVOKED", NO,
	    "The license was revoked for good: ask the vendor for a new one." },
	[V_LICENSE_TRANSFERRED] = { "LICENSE_TRANSFERRED", NO,
	    "The license was transferred to another customer: use that one's." },
	[V_LICENSE_NOT_SUSPENDED] = { "LICENSE_NOT_SUSPENDED", NO,
	    "The license is not suspended: there is nothing to reinstate." },
	[V_LICENSE_NOT_YET_VALID] = { "LICENSE_NOT_YET_VALID", NO,
	    "The license begins later: wait for its first day." },
	[V_LICENSE_EXPIRED] = { "LICENSE_EXPIRED", NO,
	    "The license has expired: renew it." },
	[V_OFFLINE_TOO_LONG] = { "OFFLINE_TOO_LONG", NO,
	    "The machine was without the network for longer than the license allows: connect it." },
	[V_POLICY_RETIRED] = { "POLICY_RETIRED", NO,
	    "The policy is retired: choose another one." },
	[V_DELIVERY_NOT_FOUND] = { "DELIVERY_NOT_FOUND", NO,
	    "There is no such delivery token: ask the vendor for one." },
	[V_DELIVERY_SPENT] = { "DELIVERY_SPENT", NO,
	    "The delivery token was used before: if not by you, tell the vendor at once." },
	[V_DELIVERY_EXPIRED] = { "DELIVERY_EXPIRED", NO,
	    "The delivery token has expired: ask the vendor for a new one." },
	[V_IMAGE_MISSING] = { "IMAGE_MISSING", NO,
	    "The license asks for its key image: show it with --image; `hallmark license image` fetches it." },
	[V_IMAGE_UNKNOWN] = { "IMAGE_UNKNOWN", NO,
	    "Whether it is the license's key image is not known here: fetch the license and show it again." },
	[V_IMAGE_SPENT] = { "IMAGE_SPENT", NO,
	    "This showing of the key image was used before: show it again; if it was not you, tell the vendor." },
	[V_IMAGE_EXPIRED] = { "IMAGE_EXPIRED", NO,
	    "The key image was shown too long ago, or has expired: show it again, or ask the vendor for a new one." },
	[V_IMAGE_REVOKED] = { "IMAGE_REVOKED", NO,
	    "The key image was revoked or replaced: fetch the new one with `hallmark license image`." },
	[V_IMAGE_MISMATCH] = { "IMAGE_MISMATCH", NO,
	    "The picture is not the license's key image, to the last pixel: show the file that was fetched." },
	[V_MACHINE_MISSING] = { "MACHINE_MISSING", NO,
	    "The license is bound to machines: send the machine's fingerprint." },
	[V_MACHINE_TOO_WEAK] = { "MACHINE_TOO_WEAK", NO,
	    "Too little tells this machine from others: run as root, or show the container its host's parts." },
	[V_MACHINE_MISMATCH] = { "MACHINE_MISMATCH", NO,
	    "The license is bound to another machine: use that one, or ask the vendor to bind it anew." },
	[V_MACHINE_OTHER_CONTAINER] = { "MACHINE_OTHER_CONTAINER", NO,
	    "The license is bound to another container: use that one, or ask the vendor to bind it anew." },
	[V_MACHINE_NOT_BOUND] = { "MACHINE_NOT_BOUND", NO,
	    "The license is not yet bound to a machine: claim a seat or unlock once with the network." },
	[V_ENTITLEMENT_MISSING] = { "ENTITLEMENT_MISSING", NO,
	    "The license does not include this entitlement: ask the vendor for it." },
	[V_APPROVALS_MISSING] = { "APPROVALS_MISSING", NO,
	    "The unlock key waits for approval: ask the vendor's approvers." },
	[V_SEATS_EXHAUSTED] = { "SEATS_EXHAUSTED", NO,
	    "All seats are taken: give one back, or wait until one is." },
	[V_SEAT_NOT_HELD] = { "SEAT_NOT_HELD", NO,
	    "This machine holds no seat: claim one first." },
	[V_SEAT_LAPSED] = { "SEAT_LAPSED", NO,
	    "The seat was not renewed in time: claim one again." },
	[V_UNLOCKS_EXHAUSTED] = { "UNLOCKS_EXHAUSTED", NO,
	    "All unlocks of the license were used: ask the vendor for more." },
	[V_RELEASE_WITHOUT_WATERMARK] = { "RELEASE_WITHOUT_WATERMARK", NO,
	    "The policy asks for key images, which the release has none of: take one of a watermarked model." },
	[V_COPY_OF_OTHER_CUSTOMER] = { "COPY_OF_OTHER_CUSTOMER", NO,
	    "The release is another customer's personal copy: release one that was made for this customer." },
	[V_SEATS_OVER_POLICY] = { "SEATS_OVER_POLICY", NO,
	    "The policy does not allow that many seats, or none were asked for: ask for fewer, at least one." },
	[V_TERM_OVER_POLICY] = { "TERM_OVER_POLICY", NO,
	    "The policy does not allow so long a term: choose an earlier end." },
	[V_TERM_EMPTY] = { "TERM_EMPTY", NO,
	    "The term would end before it begins, or has ended already: choose a later end." },
	[V_NOT_RENEWABLE] = { "NOT_RENEWABLE", NO,
	    "The policy does not allow renewal: issue a new license." },
	[V_NOT_TRANSFERABLE] = { "NOT_TRANSFERABLE", NO,
	    "The policy does not allow a transfer: revoke the license and issue a new one." },
	[V_RECIPIENT_NOT_FOUND] = { "RECIPIENT_NOT_FOUND", NO,
	    "There is no such customer to receive the license: check the id." },
	[V_RECIPIENT_SUSPENDED] = { "RECIPIENT_SUSPENDED", NO,
	    "The customer who would receive the license is suspended: reinstate that one first." },
	[V_RECIPIENT_SAME] = { "RECIPIENT_SAME", NO,
	    "The license is this customer's already: name another recipient." },
	[V_SEATS_IN_USE] = { "SEATS_IN_USE", NO,
	    "Seats of the license are in use: have them given back before the transfer." },
	[V_LICENSE_MALFORMED] = { "LICENSE_MALFORMED", NO,
	    "The license file is damaged or not a license: fetch it again." },
	[V_SIGNATURE_INVALID] = { "SIGNATURE_INVALID", NO,
	    "The license file was altered after it was signed: fetch it again." },
	[V_ISSUER_MISMATCH] = { "ISSUER_MISMATCH", NO,
	    "The license is another vendor's: take the one that belongs to this model." },
	[V_ARTIFACT_MISMATCH] = { "ARTIFACT_MISMATCH", NO,
	    "The artifact is not the one that the license names: fetch that one." },
	[V_LAST_SEEN_TAMPERED] = { "LAST_SEEN_TAMPERED", NO,
	    "The record of the time last seen was altered: connect to the network and fetch the license." },
	[V_LAST_SEEN_FOREIGN] = { "LAST_SEEN_FOREIGN", NO,
	    "The record of the time last seen is another license's: fetch this license again." },
	[V_LAST_SEEN_REPLAYED] = { "LAST_SEEN_REPLAYED", NO,
	    "The record of the time last seen is an older copy, or was deleted: fetch the license again." },
#undef YES
#undef NOW
#undef NO
};
/* clang-format on */
_Static_assert(COUNT(codes) == V_COUNT, "one row per code");

const char *
verdict_wire(enum verdict_code v)
{
	return codes[v].wire;
}

const char *
verdict_sentence(enum verdict_code v)
{
	return codes[v].sentence;
}

enum ruling
verdict_answer(enum verdict_code v)
{
	return codes[v].answer;
}

static const char *const actions[] = {
	[ACTION_VALIDATE] = "validate",
	[ACTION_CLAIM] = "claim",
	[ACTION_HEARTBEAT] = "heartbeat",
	[ACTION_UNLOCK] = "unlock",
	[ACTION_FETCH] = "fetch",
	[ACTION_ISSUE] = "issue",
	[ACTION_RENEW] = "renew",
	[ACTION_TRANSFER] = "transfer",
	[ACTION_REINSTATE] = "reinstate",
	[ACTION_OFFLINE] = "offline",
};
_Static_assert(COUNT(actions) == ACTION_COUNT, "one name per action");

const char *
action_name(enum action a)
{
	return actions[a];
}

static const char *const states[] = {
	[LICENSE_ACTIVE] = "active",
	[LICENSE_SUSPENDED] = "suspended",
	[LICENSE_REVOKED] = "revoked",
	[LICENSE_TRANSFERRED] = "transferred",
};

const char *
license_state_name(enum license_state s)
{
	return states[s];
}

int64_t
seconds_of(int64_t ms)
{
	return ms / 1000 - (ms % 1000 < 0);
}
