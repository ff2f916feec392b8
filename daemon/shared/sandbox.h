/*
 * sandbox: the walls that the custodian, the worker and the courier build around themselves before
 * they read their first untrusted byte. A process leaves none of them again.
 */
#ifndef SANDBOX_H
#define SANDBOX_H

#include "base.h"

/* Whose list of system calls. */
enum sandbox_who { SANDBOX_CUSTODIAN = 1, SANDBOX_WORKER = 2, SANDBOX_COURIER = 4 };

/* True in a build with AddressSanitizer or ThreadSanitizer, whose shadow no limit may count. */
bool sandbox_sanitized(void);

/*
 * No core file, not dumpable (nobody of the same user may attach or read its memory), no new
 * privileges, no capability, killed with its parent's thread if `die_with_parent`.
 */
MUST bool sandbox_drop(struct ctx *, bool die_with_parent);
/* Closes every descriptor from `first` on. */
MUST bool sandbox_close_from(struct ctx *, int first);
/* Points `fd` at nothing, so that no stray line goes where it should not. */
MUST bool sandbox_silence(struct ctx *, int fd);
/*
 * From here on these files and what lies in these folders can be read, and nothing else of any file
 * system can be opened at all; what does not exist is skipped. *ret_walled is false where the
 * kernel has no such walls (Landlock). After sandbox_drop.
 */
MUST bool sandbox_files(struct ctx *, const char *const readable[], size_t n, bool *ret_walled);
/*
 * From here on any system call off the list ends the process by SIGSYS. Applies to the calling
 * thread and those that it starts: call it while there is one.
 */
MUST bool sandbox_filter(struct ctx *, enum sandbox_who);

/* Sets a resource limit. One that is lower already stays. */
MUST bool sandbox_limit(struct ctx *, int resource, uint64_t soft, uint64_t hard);
/* Bytes of address space in use. Reads /proc: before the filter. */
MUST bool sandbox_address_space(struct ctx *, uint64_t *ret);

#endif
