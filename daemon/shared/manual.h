/*
 * manual: manual pages and shell completion, written from the tables of commands.
 */
#ifndef MANUAL_H
#define MANUAL_H

#include "grammar.h"

enum { MANUAL_MAX = 96 << 10 };

/* A page in man(7) format. */
void manual_page(const struct program *, struct buf *out);
/* A completion script for bash. */
void completion_bash(const struct program *, struct buf *out);

#endif
