/*
 * What vouches for a release's artifact, in two forms of the same facts: a JWS of ours, and a
 * bundle of the OpenSSF model signing format, an in-toto statement in a DSSE envelope, which stock
 * tools verify. Both are written here from typed values.
 */
#include "custodian.h"

#define MANIFEST_TYP "hallmark-manifest+jwt"
#define STATEMENT_TYPE "application/vnd.in-toto+json"
#define NAME_MAX_BYTES 512
#define TIME_MAX INT64_C(253402300799999)
enum { TEXT_MAX = 8192 };

struct vouched {
	struct id release, model;
	struct str name;
	struct digest256 artifact;
	int64_t bytes, at;
};

MUST static bool
vouched_take(struct ctx *c, struct wire *in, struct vouched *ret)
{
	struct str release = wire_str(in, ID_MAX - 1), model = wire_str(in, ID_MAX - 1), digest;
	struct vouched v = { .name = wire_str(in, NAME_MAX_BYTES) };

	digest = wire_str(in, sizeof v.artifact.b);
	v.bytes = (int64_t)wire_u64(in);
	v.at = (int64_t)wire_u64(in);
	if (!request_end(c, in) || !id_parse(c, release, "rel", &v.release) ||
	    !id_parse(c, model, "mod", &v.model))
		return false;
	if (digest.n != sizeof v.artifact.b)
		return fail(c, E_USAGE, "the digest is not one");
	if (v.name.n == 0 || !text_valid(v.name))
		return fail(c, E_INPUT, "the model's name is not text");
	if (v.bytes < 1 || v.at < 1 || v.at > TIME_MAX)
		return fail(c, E_INPUT, "the artifact's size or time is out of range");
	memcpy(v.artifact.b, digest.p, digest.n);
	*ret = v;
	return true;
}

static void
js_hex(struct js *j, const char *key, const struct digest256 *d)
{
	char text[2 * sizeof d->b];
	struct buf hex = BUF(text);

	hex_put(&hex, d->b, sizeof d->b);
	js_text(j, key, buf_str(&hex));
}

MUST static bool
manifest_sign(struct ctx *c, const struct signer *s, const struct vouched *v, struct buf *out)
{
	struct buf claims;
	struct js j = { .out = &claims };

	if (!take_buf(c, TEXT_MAX, &claims) || !take_buf(c, jws_size(TEXT_MAX), out))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "release", str_of(v->release.s));
	js_text(&j, "model", str_of(v->model.s));
	js_text(&j, "name", v->name);
	js_open(&j, "artifact", '{');
	js_hex(&j, "sha256", &v->artifact);
	js_number(&j, "bytes", v->bytes);
	js_close(&j, '}');
	js_number(&j, "iat", v->at / 1000);
	js_close(&j, '}');
	return buf_ok(c, &claims) &&
	    jws_sign(c, s->key, STR(MANIFEST_TYP), str_of(s->kid), buf_str(&claims), out);
}

/* The subject's digest is that of all resources' digests, one after the other: here, of one. */
MUST static bool
statement_put(struct ctx *c, const struct vouched *v, struct buf *out)
{
	struct js j = { .out = out };
	struct digest256 root;
	char *file = take_printf(c, "%s.onnx", v->release.s);

	if (file == NULL ||
	    !sha256(
		c, (struct str){ (const char *)v->artifact.b, sizeof v->artifact.b }, &root))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "_type", STR("https://in-toto.io/Statement/v1"));
	js_open(&j, "subject", '[');
	js_open(&j, NULL, '{');
	js_text(&j, "name", v->name);
	js_open(&j, "digest", '{');
	js_hex(&j, "sha256", &root);
	js_close(&j, '}');
	js_close(&j, '}');
	js_close(&j, ']');
	js_text(&j, "predicateType", STR("https://model_signing/signature/v1.0"));
	js_open(&j, "predicate", '{');
	js_open(&j, "serialization", '{');
	js_text(&j, "method", STR("files"));
	js_text(&j, "hash_type", STR("sha256"));
	js_bool(&j, "allow_symlinks", false);
	js_open(&j, "ignore_paths", '[');
	js_close(&j, ']');
	js_close(&j, '}');
	js_open(&j, "resources", '[');
	js_open(&j, NULL, '{');
	js_text(&j, "name", str_of(file));
	js_text(&j, "algorithm", STR("sha256"));
	js_hex(&j, "digest", &v->artifact);
	js_close(&j, '}');
	js_close(&j, ']');
	js_close(&j, '}');
	js_close(&j, '}');
	return buf_ok(c, out);
}

bool
release_sign(struct ctx *c, struct custodian *k, struct wire *in, struct buf *out)
{
	const struct signer *signer = NULL;
	struct buf manifest, statement, bundle;
	struct vouched v;

	if (!vouched_take(c, in, &v) || !signer_current(c, k, &signer) ||
	    !manifest_sign(c, signer, &v, &manifest) || !take_buf(c, TEXT_MAX, &statement) ||
	    !statement_put(c, &v, &statement) ||
	    !take_buf(c, dsse_size(sizeof STATEMENT_TYPE, TEXT_MAX), &bundle) ||
	    !dsse_bundle(c, signer->key, STR(STATEMENT_TYPE), buf_str(&statement), &bundle))
		return false;
	wire_put_str(out, buf_str(&manifest));
	wire_put_str(out, buf_str(&bundle));
	return true;
}
