/*
 * The request for an unlock key that is under way, in a file that outlives us: the Idempotency-Key
 * of this very request, and the secret that came for a key image. If we are killed before the
 * answer is stored, asking the same again is no second unlocking.
 */
#include <stdio.h>
#include <unistd.h>

#include "customer.h"

enum { ASKING_MAX = 512 };

MUST static bool
keep(struct cli *t, const struct held *h, const struct asking *a)
{
	char text[ASKING_MAX];
	struct buf b = BUF(text);
	bool ok;

	buf_put(&b, str_of(a->key));
	buf_char(&b, ' ');
	hex_put(&b, a->question.b, sizeof a->question.b);
	if (a->secret.n > 0) {
		buf_char(&b, ' ');
		buf_put(&b, a->secret);
	}
	ok = buf_ok(&t->c, &b) && held_put(t, h, "asking", buf_str(&b));
	explicit_bzero(text, sizeof text);
	return ok;
}

/* Whether the file is about this question; then what it says. */
MUST static bool
again(struct cli *t, struct str kept, struct asking *a)
{
	char text[2 * sizeof a->question.b];
	struct buf hex = BUF(text);
	struct str key, question;

	hex_put(&hex, a->question.b, sizeof a->question.b);
	(void)str_cut(&kept, ' ', &key);
	(void)str_cut(&kept, ' ', &question);
	a->old = key.n > 0 && str_same(str_trim(question), buf_str(&hex));
	if (!a->old)
		return true;
	a->key = take_cstr(&t->c, key);
	a->secret = str_trim(kept);
	return a->key != NULL;
}

bool
asking_begin(struct cli *t, const struct held *h, struct str question, struct asking *ret)
{
	char *path = take_printf(&t->c, "%s/asking", h->folder);
	struct asking a = { 0 };
	struct str kept;
	struct id fresh;

	if (path == NULL || !sha256(&t->c, question, &a.question) ||
	    !file_if_any(&t->c, path, ASKING_MAX, &kept) || !again(t, kept, &a))
		return false;
	if (!a.old) {
		fresh = id_new(&t->c, "key");
		a.key = take_cstr(&t->c, str_of(fresh.s));
		if (a.key == NULL || !keep(t, h, &a))
			return false;
	}
	*ret = a;
	return true;
}

bool
asking_shown(struct cli *t, const struct held *h, struct str secret, struct asking *a)
{
	a->secret = secret;
	return keep(t, h, a);
}

void
asking_over(struct cli *t, const struct held *h)
{
	char *path = take_printf(&t->c, "%s/asking", h->folder);

	if (path != NULL)
		(void)unlink(path);
}
