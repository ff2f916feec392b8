/*
 * What the tests of the store share: a store in a fresh folder, one-line acts, rows to begin with,
 * and a second, raw connection that does what no program of ours would.
 */
#ifndef STORE_SUPPORT_H
#define STORE_SUPPORT_H

#include <sqlite3.h>

#include "store.h"
#include "test.h"

/* A store in that folder, with small limits; the whole file is checked. */
struct store *open_store(struct ctx *, const char *folder);
/* The same, where the opening is what is tested. */
MUST bool try_store(struct ctx *, const char *folder, struct store **ret);
struct db *open_reader(struct ctx *, struct store *);

/* An act that calls `what` with `arg`, waited for. */
typedef bool deed(struct ctx *, struct db *, void *arg);
MUST bool doing(struct ctx *, struct store *, deed *, const void *arg);
/* The same without an audit row. */
MUST bool doing_quietly(struct ctx *, struct store *, deed *, const void *arg);

struct vendor add_vendor(struct ctx *, struct store *, const char *name);
/* A token that is not in the store yet; `n` makes its digest. */
struct token new_token(struct ctx *, const struct vendor *, uint32_t n);
deed do_vendor_insert, do_token_insert;
/* n audit rows by as many acts. */
void add_audit(struct ctx *, struct store *, unsigned n);
/* Verifies the chain; the number of rows. */
int64_t verified(struct ctx *, struct db *);

/* Raw access to the file of a store, without any of its rules. */
sqlite3 *raw_open(const char *folder);
void raw(sqlite3 *, const char *sql);
int64_t raw_number(sqlite3 *, const char *sql);

#endif
