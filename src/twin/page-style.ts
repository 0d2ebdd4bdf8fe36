/** How the pages look, light and dark, on any width. */
export const STYLE = `:root{color-scheme:light dark;--ink:#1f2328;--faint:#59636e;--page:#fff;--soft:#f6f8fa;--line:#d1d9e0;--code:#eff1f3;--link:#0969da;
--good:#1a7f37;--bad:#d1242f;--open:#1f883d;--merged:#8250df;--closed:#cf222e;--label:#ddf4ff;--on-label:#0a3069}
@media(prefers-color-scheme:dark){:root{--ink:#f0f6fc;--faint:#9198a1;--page:#0d1117;--soft:#151b23;--line:#3d444d;--code:#262c36;--link:#4493f8;
--good:#3fb950;--bad:#f85149;--open:#238636;--merged:#8957e5;--closed:#da3633;--label:#121d2f;--on-label:#79c0ff}}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,sans-serif;max-width:980px;margin:0 auto;padding:1rem;color:var(--ink);background:var(--page);overflow-wrap:anywhere}
a{color:var(--link)}nav{font-size:1rem}footer{border-top:1px solid var(--line);margin-top:2rem;color:var(--faint);font-size:.87rem}
h1{font-size:1.6rem;line-height:1.25;margin:.6rem 0}h1 small,.faint{color:var(--faint);font-weight:400}h2{font-size:1.2rem;margin:1.6rem 0 .6rem}
h3{font-size:1.1rem;margin:1rem 0 .5rem}h4,h5,h6{font-size:1rem;margin:1rem 0 .5rem}
.facts{display:flex;flex-wrap:wrap;align-items:center;gap:.3rem .6rem;margin:.6rem 0}
.state{color:#fff;border-radius:1rem;padding:.15rem .75rem;font-weight:600;background:var(--closed)}.state.open{background:var(--open)}.state.merged{background:var(--merged)}
ul.labels{display:flex;flex-wrap:wrap;gap:.3rem;list-style:none;margin:0;padding:0}.labels li{background:var(--label);color:var(--on-label);border:1px solid var(--line);border-radius:1rem;padding:0 .6rem;font-size:.87rem}
article,.check{border:1px solid var(--line);border-radius:6px;margin:.8rem 0}
article>header,.check>summary,p.check{background:var(--soft);padding:.5rem 1rem;border-radius:6px}article>header,.check[open]>summary{border-bottom:1px solid var(--line);border-radius:6px 6px 0 0}
article>div,.check>div{padding:.3rem 1rem .6rem}.check,p.check{margin:.4rem 0}summary{cursor:pointer}article details>summary{color:var(--faint);padding:.2rem 0}
p{margin:.6rem 0}ul,ol{padding-left:1.6rem;margin:.6rem 0}blockquote{margin:.6rem 0;padding:0 1rem;border-left:.25rem solid var(--line);color:var(--faint)}
.wide{overflow-x:auto;margin:.6rem 0}table{border-collapse:collapse;overflow-wrap:normal}td,th{border:1px solid var(--line);padding:.35rem .75rem;text-align:left;vertical-align:top;min-width:2.2rem}
th{background:var(--soft)}.right{text-align:right;font-variant-numeric:tabular-nums}
code{font:.87em/1.45 ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace;background:var(--code);border-radius:4px;padding:.1rem .3rem;unicode-bidi:isolate}
pre{background:var(--soft);border-radius:6px;padding:.8rem;overflow:auto;margin:.6rem 0}pre code{padding:0;background:none;white-space:pre;overflow-wrap:normal}
sub{vertical-align:baseline;font-size:.82rem;line-height:1.5;color:var(--faint)}figure{margin:.8rem 0;overflow-x:auto}figure svg{display:block;height:auto}
.success{color:var(--good)}.failure,.error,.timed_out,.action_required{color:var(--bad)}
footer pre code{white-space:pre-wrap}
:focus-visible{outline:2px solid var(--link);outline-offset:2px}`;
