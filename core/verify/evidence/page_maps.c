/*
 * Relevance maps on the page: where the vendor's network and the suspect look in the same picture,
 * and the difference.
 */
#include "image.h"
#include "pages.h"

MUST static bool
put_map(struct ctx *c, struct buf *b, const struct evidence_picture *p, const uint8_t *map,
    const char *caption)
{
	struct image i;
	struct str png;

	if (!image_new(c, p->width, p->height, 1, &i))
		return false;
	memcpy(i.v, map, image_bytes(&i));
	if (!image_png(c, &i, &png))
		return false;
	buf_put(b, STR("<figure>"));
	page_picture(b, png, p->width, p->height, caption);
	buf_put(b, STR("<figcaption>"));
	html_text(b, str_of(caption));
	buf_put(b, STR("</figcaption></figure>\n"));
	return true;
}

MUST static bool
put_three(struct ctx *c, struct buf *b, const struct evidence_picture *p)
{
	size_t n = (size_t)p->width * (size_t)p->height;
	uint8_t *apart = take(c, n);
	char text[64];
	struct buf t = BUF(text);

	if (apart == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		apart[i] = (uint8_t)abs(p->owner[i] - p->suspect[i]);
	buf_put(&t, STR("difference; likeness "));
	put_real(&t, p->structure, 3);
	buf_put(&t, STR(", ranks "));
	put_real(&t, p->rank, 3);
	buf_char(&t, '\0');
	return put_map(c, b, p, p->owner, "the vendor’s model") &&
	    put_map(c, b, p, p->suspect, "the suspect") && put_map(c, b, p, apart, text);
}

bool
page_maps(struct ctx *c, struct buf *b, const struct evidence *e)
{
	if (e->pictures == 0)
		return true;
	page_section(b, "Where both look",
	    "Relevance of each point for the answer, bright where it counts, for pictures that "
	    "were chosen before the suspect was seen. A copy looks where the original looks; no "
	    "verdict rests on these pictures.");
	buf_put(b, STR("<div class=\"pictures three\">\n"));
	for (size_t i = 0; i < e->pictures; i++)
		if (!put_three(c, b, &e->picture[i]))
			return false;
	buf_put(b, STR("</div>\n"));
	page_section_end(b);
	return true;
}
