/*
 * What the tests of the custodian and the worker share: where the programs are, and what the kernel
 * says of a process.
 */
#ifndef PROCESSES_H
#define PROCESSES_H

#include <sys/types.h>

#include "test.h"

/* The folder of the programs under test. */
const char *test_programs(void);
/* A file of /proc/PID, whole. */
struct str test_proc(struct ctx *, pid_t, const char *name);
bool test_has_line(struct str text, const char *line);
/* Whether /proc/PID/limits has this soft limit. */
bool test_limit(struct str limits, const char *name, long value);
/* How many descriptors a process has open; 0 if it may not be known. */
int test_descriptors(struct ctx *, pid_t);
int test_pidfd(pid_t);

#endif
