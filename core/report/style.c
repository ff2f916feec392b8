/*
 * The page's style sheet, a rule or a few a line. The colours of a, b and c are blue, vermilion and
 * green of Okabe and Ito's palette, which every kind of colour blindness tells apart; where it is
 * dark they are brighter. On paper, bars and cards keep their colours and nothing is torn apart.
 */
#include "report.h"

/* clang-format off */
static const char *const rules[] = {
	":root{color-scheme:light dark;--ink:#1a1f24;--soft:#5a646e;--line:#dfe3e8;--page:#fff;",
	"--card:#f5f7f9;--a:#0068a8;--b:#c85200;--plain:#6b7580;--good:#00735c;--warn:#b34700}",
	"@media(prefers-color-scheme:dark){:root{--ink:#e6eaee;--soft:#9aa5b0;--line:#333b44;",
	"--page:#14181c;--card:#1d2329;--a:#5ab4f0;--b:#f0984a;--plain:#9aa5b0;--good:#3fc9a5;",
	"--warn:#f0984a}}",

	/* The page and its words. */
	"*{box-sizing:border-box}",
	"body{margin:0;background:var(--page);color:var(--ink);",
	"font:16px/1.55 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Noto Sans\",sans-serif}",
	"main{max-width:46rem;margin:0 auto;padding:2rem 1.1rem 4rem}",
	".kind{margin:0;color:var(--soft);font-size:.8rem;letter-spacing:.09em;",
	"text-transform:uppercase}",
	"h1{margin:.1rem 0 .2rem;font-size:1.9rem;line-height:1.2;overflow-wrap:anywhere}",
	"h2{margin:3rem 0 .4rem;font-size:1.3rem;line-height:1.3}",
	"h3{margin:1.8rem 0 .2rem;font-size:1.02rem}",
	"p{margin:.5rem 0}",
	".sub,.note,figcaption{color:var(--soft);font-size:.9rem}",
	".sub{margin:0 0 1.6rem;overflow-wrap:anywhere}",
	".lead{font-size:1.06rem}",
	".name,code{font-family:ui-monospace,\"DejaVu Sans Mono\",Menlo,monospace;font-size:.85em;",
	"overflow-wrap:anywhere}",
	".id{display:inline-block;min-width:1.9rem;color:var(--soft)}",
	"pre{font-family:ui-monospace,\"DejaVu Sans Mono\",Menlo,monospace;font-size:.8rem;",
	"white-space:pre-wrap;overflow-wrap:anywhere;background:var(--card);border-radius:.4rem;",
	"padding:.6rem .8rem;margin:.5rem 0}",
	"summary{cursor:pointer}",
	"dt{font-weight:600;margin-top:.9rem}",
	"dd{margin:.1rem 0 0}",

	/* The summary. */
	".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.7rem;",
	"margin:0 0 1.2rem}",
	".card{background:var(--card);border-radius:.6rem;padding:.8rem 1rem}",
	".card b{display:block;font-size:1.7rem;line-height:1.25}",
	".card span{color:var(--soft);font-size:.85rem;line-height:1.35;display:block}",
	".verdict{margin:1.2rem 0 0;padding:.6rem 1rem;border-left:.3rem solid var(--plain);",
	"background:var(--card);border-radius:0 .6rem .6rem 0;font-weight:600}",
	".verdict.good{border-color:var(--good)}",
	".verdict.warn{border-color:var(--warn)}",

	/* Figures. */
	"figure{margin:1rem 0}",
	"svg{display:block;width:100%;max-width:38rem;height:auto;font-family:inherit}",
	"svg text{fill:var(--soft);font-size:12px}",
	"svg .label{font-weight:600;fill:var(--plain)}",
	"svg .label.a{fill:var(--a)}",
	"svg .label.b{fill:var(--b)}",
	"svg .label.c{fill:var(--good)}",
	"svg .grid{stroke:var(--line)}",
	"svg .axis{stroke:var(--soft)}",
	"svg .level{stroke:var(--plain);stroke-width:1.5;stroke-dasharray:1 4;",
	"stroke-linecap:round}",
	"svg .line{fill:none;stroke-width:2.2;stroke-linejoin:round}",
	"svg .line.a{stroke:var(--a)}",
	"svg .line.b{stroke:var(--b);stroke-dasharray:6 4}",
	"svg .line.c{stroke:var(--good);stroke-dasharray:2 3}",
	"svg .line.plain{stroke:var(--plain);stroke-width:1.6}",
	"svg .dot{stroke:var(--page);stroke-width:1.2}",
	"svg .dot.a{fill:var(--a)}",
	"svg .dot.b{fill:var(--b)}",
	"svg .dot.c{fill:var(--good)}",
	"svg .dot.plain{fill:var(--plain)}",
	"svg .area.a{fill:var(--a);fill-opacity:.28}",
	"svg .step.b{fill:none;stroke:var(--b);stroke-width:1.6}",
	"svg .bar{fill:var(--plain)}",
	"svg .bar.a{fill:var(--a)}",
	".keys{font-size:.9rem;margin:.2rem 0}",
	".keys span+span{margin-left:1.2rem}",
	".key{display:inline-block;width:1.5rem;height:.75rem;margin-right:.4rem;",
	"vertical-align:-.05rem}",
	".key.a{background:var(--a);opacity:.35}",
	".key.b{border-top:.16rem solid var(--b);height:0;vertical-align:.25rem}",

	/* Pictures, at a size at which every sample can be seen. */
	".pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(8rem,1fr));gap:.8rem}",
	".pictures.three{grid-template-columns:repeat(3,minmax(0,1fr));max-width:32rem}",
	".pictures figure{margin:0}",
	".pictures img{display:block;width:100%;height:auto;image-rendering:pixelated;background:var(--card);",
	"border-radius:.3rem}",
	".pictures figcaption{font-size:.78rem;line-height:1.35;margin-top:.25rem}",

	/* Tables. A track is as long as the whole. */
	".wide{overflow-x:auto;margin:.6rem 0 1rem}",
	"table{border-collapse:collapse;width:100%;font-size:.9rem;",
	"font-variant-numeric:tabular-nums}",
	"th,td{padding:.38rem .6rem;border-bottom:1px solid var(--line);text-align:left;",
	"vertical-align:top}",
	"th:first-child,td:first-child{padding-left:0}",
	"th:last-child,td:last-child{padding-right:0}",
	"thead th{color:var(--soft);font-weight:600;font-size:.82rem;vertical-align:bottom}",
	"th.n,td.n{text-align:right}",
	"td.n,td.name{white-space:nowrap}",
	".track{display:inline-block;width:6rem;height:.62rem;background:var(--line);",
	"border-radius:2px;vertical-align:.02rem}",
	".fill{display:block;height:100%;border-radius:2px;background:var(--plain)}",
	".fill.a{background:var(--a)}",
	".fill.b{background:var(--b)}",
	".fill.c{background:var(--good)}",
	".figure{display:inline-block;min-width:4.2em}",
	"tr.open td{border-bottom:0;padding-bottom:0}",
	".own{font-weight:600}",
	".facts th{width:40%;font-weight:400;color:var(--soft)}",

	"@media(max-width:36rem){.track{width:3rem}th,td{padding:.38rem .35rem}}",
	"@media(max-width:30rem){.track{display:none}}",
	"@media print{body{font-size:10.5pt}main{max-width:none;padding:0}h2{margin-top:1.6rem}",
	"h2,h3{break-after:avoid}figure,tr,.card,.attack,dl>div{break-inside:avoid}",
	".fill,.track,.card,.verdict,.key{-webkit-print-color-adjust:exact;",
	"print-color-adjust:exact}.wide{overflow:visible}}",
};
/* clang-format on */

void
report_style(struct buf *b)
{
	for (size_t i = 0; i < COUNT(rules); i++) {
		buf_put(b, str_of(rules[i]));
		buf_char(b, '\n');
	}
}
