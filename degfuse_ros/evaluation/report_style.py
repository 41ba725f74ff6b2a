# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The look of report.html: one style sheet, for light and dark screens and for paper."""

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #f6f7f9; --card: #ffffff; --ink: #1d232a; --soft: #5b6570; --line: #dde2e8;
  --accent: #c24f00; --best: #fff1e0; --shade: rgba(15, 18, 22, .92);
}
@media (prefers-color-scheme: dark) {
  :root { --paper: #12161b; --card: #1b2128; --ink: #e8ecf1; --soft: #9aa6b2; --line: #2f3842;
          --accent: #ff9a4d; --best: #43301c; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.5;
       font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; }
main { max-width: 1400px; margin: 0 auto; padding: 0 20px 60px; }
header { padding: 40px 0 8px; }
h1 { font-size: 2rem; margin: 0; letter-spacing: -.02em; }
h2 { font-size: 1.45rem; margin: 56px 0 12px; padding-top: 8px;
     border-top: 2px solid var(--line); }
h3 { font-size: 1.05rem; margin: 28px 0 6px; }
p { margin: 6px 0 12px; max-width: 85ch; }
.soft, figcaption, .note { color: var(--soft); font-size: .88rem; }
nav { position: sticky; top: 0; z-index: 2; background: var(--paper); padding: 10px 0;
      border-bottom: 1px solid var(--line); display: flex; flex-wrap: wrap; gap: 4px 18px; }
nav a { color: var(--ink); text-decoration: none; font-size: .92rem; }
nav a:hover { color: var(--accent); }
h2, h3 { scroll-margin-top: 56px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 12px;
         margin: 22px 0; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 12px;
        padding: 14px 16px; }
.tile b { display: block; font-size: 1.7rem; line-height: 1.2; letter-spacing: -.02em; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px;
        padding: 16px; margin: 14px 0; }
.card h3 { margin-top: 0; }
.grid { display: grid; grid-template-columns: repeat(var(--columns), 1fr); gap: 12px; }
@media (max-width: 900px) { .grid { grid-template-columns: 1fr 1fr; } }
figure { margin: 0; }
.grid figure { display: flex; flex-direction: column; justify-content: flex-end; }
.grid figcaption { color: var(--ink); font-weight: 600; padding-bottom: 3px;
                   overflow-wrap: anywhere; }
img { display: block; height: auto; max-width: 100%; border-radius: 6px; }
img:not([width]) { width: 100%; }
.whole { position: relative; }
.frame { position: absolute; border: 2px solid #ffb000; outline: 1px solid rgba(0, 0, 0, .6);
         border-radius: 2px; pointer-events: none; }
.part img { margin-top: 4px; border: 2px solid #ffb000; }
.plots { display: flex; flex-wrap: wrap; align-items: flex-end; gap: 8px 16px; }
.plot { max-width: 100%; }
.plot img { background: #ffffff; padding: 10px; border: 1px solid var(--line); }
/* A picture is a label around a hidden check box: a click, or the space bar, enlarges it. */
.zoom { display: block; cursor: zoom-in; }
.zoom input { position: absolute; opacity: 0; width: 1px; height: 1px; }
.zoom input:focus-visible + img { outline: 3px solid var(--accent); }
.zoom input:checked + img { position: fixed; inset: 0; z-index: 9; width: 100vw; height: 100vh;
  max-width: none; margin: 0; padding: 12px; border: 0; border-radius: 0; object-fit: contain;
  background: var(--shade); cursor: zoom-out; }
.plot .zoom input:checked + img { background: #ffffff; }
.scroll { overflow-x: auto; width: fit-content; max-width: 100%; margin: 8px 0;
          background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 12px; text-align: right; white-space: nowrap; }
th { color: var(--soft); font-weight: 600; border-bottom: 2px solid var(--line); }
td { border-bottom: 1px solid var(--line); }
tr:last-child td { border-bottom: 0; }
details { margin: 6px 0; }
summary { cursor: pointer; color: var(--soft); font-size: .92rem; }
.word { text-align: left; }
.long { white-space: normal; min-width: 18em; }
td.best { background: var(--best); font-weight: 700; }
tr.model td:first-child { font-weight: 700; color: var(--accent); }
tr.source td { color: var(--soft); font-style: italic; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; font-size: .88rem; }
dt { font-weight: 600; }
dd { margin: 0; overflow-wrap: anywhere; color: var(--soft); }
.facts dd { font-family: ui-monospace, 'DejaVu Sans Mono', monospace; font-size: .85em; }
@media print { nav { display: none; } .card, .tile, .scroll { break-inside: avoid; } }
"""
