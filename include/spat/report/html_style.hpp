// report. The style sheet of the HTML report: light and dark, narrow and wide, on paper.
#pragma once

#include <spat/core/abi.hpp>

#include <string_view>

namespace spat::inline SPAT_ABI {

namespace detail {

/// The style sheet. Nothing comes from the network: the fonts are the reader's own. Line colours
/// differ in hue and lightness, so that they can be told apart with any colour vision (after Okabe
/// and Ito); each also works as text on the page.
inline constexpr std::string_view html_style = R"css(
:root {
  color-scheme: light dark;
  --page: #ffffff; --panel: #f5f7f9; --ink: #1c2329; --muted: #5d6873; --grid: #e3e7eb; --axis: #98a2ac;
  --good: #00705a; --bad: #b03a00; --bar: #8abbdc;
  --dense: #0067a5; --pruned: #c45000; --training: #6a737d; --validation: #0067a5;
  --m0: #0067a5; --m1: #c45000; --m2: #007a5c; --m3: #9c3f77; --m4: #7d6600; --m5: #4f5b93;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #15191e; --panel: #1d2329; --ink: #e4e8ec; --muted: #9ba7b3; --grid: #2a3139; --axis: #66717c;
    --good: #4fd0ac; --bad: #ff9a62; --bar: #2f6690;
    --dense: #5cb8f2; --pruned: #ff9a4d; --training: #9ba7b3; --validation: #5cb8f2;
    --m0: #5cb8f2; --m1: #ff9a4d; --m2: #45c99f; --m3: #e596c4; --m4: #dcc04e; --m5: #a9b4ef;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main { max-width: 832px; margin: 0 auto; padding: 40px 16px 64px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { font-size: 19px; line-height: 1.3; margin: 48px 0 8px; }
h3 { font-size: 15px; margin: 20px 0 4px; overflow-wrap: anywhere; }
p { margin: 0 0 12px; max-width: 68ch; overflow-wrap: anywhere; }
.facts, .note, figcaption { color: var(--muted); font-size: 14px; }
.headline { font-size: 19px; line-height: 1.45; margin: 24px 0 12px; }
.good { color: var(--good); }
.bad { color: var(--bad); }
.even { color: var(--muted); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 12px; margin: 20px 0 0; }
.tile { background: var(--panel); border-radius: 8px; padding: 12px 14px; }
.tile b { display: block; font-size: 24px; line-height: 1.25; font-weight: 600; font-variant-numeric: tabular-nums; }
.tile span { display: block; font-size: 13px; color: var(--muted); }
.scroll {
  overflow-x: auto; margin: 8px 0 12px;
  /* a shade at the edge behind which the table goes on; it scrolls along with the page-coloured cover at the table's ends */
  background:
    linear-gradient(to right, var(--page), var(--page)) left / 16px 100% no-repeat local,
    linear-gradient(to right, var(--page), var(--page)) right / 16px 100% no-repeat local,
    linear-gradient(to right, var(--grid), transparent) left / 12px 100% no-repeat scroll,
    linear-gradient(to left, var(--grid), transparent) right / 12px 100% no-repeat scroll;
}
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td {
  padding: 8px 0 8px 20px; text-align: right; vertical-align: top; white-space: nowrap;
  border-bottom: 1px solid var(--grid);
}
th:first-child, td:first-child { padding-left: 0; }
th { font-weight: 600; }
thead th { color: var(--muted); font-size: 13px; vertical-align: bottom; border-color: var(--axis); }
.left { text-align: left; }
td small { display: block; font-size: 0.93em; }
.removed { color: var(--muted); }
.bars { width: 34%; min-width: 120px; }
.bar { display: block; position: relative; height: 12px; margin-top: 5px; }
.bar i, .bar b { position: absolute; }
.bar i { top: 0; height: 12px; border-radius: 2px; background: var(--bar); }
.removed .bar i { background: none; border: 1.5px dashed var(--muted); }
.bar b { top: 5px; height: 2px; background: var(--ink); }
figure { margin: 8px 0 20px; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { font-family: inherit; font-size: 12px; fill: var(--ink); font-variant-numeric: tabular-nums; }
svg .tick, svg .axis-title { fill: var(--muted); }
svg .end { text-anchor: end; }
svg .middle { text-anchor: middle; }
svg .label {
  fill: var(--c); font-weight: 500;
  paint-order: stroke; stroke: var(--page); stroke-width: 3px; stroke-linejoin: round;
}
svg .grid { stroke: var(--grid); }
svg .axis { stroke: var(--axis); }
svg .rule { stroke: var(--axis); stroke-dasharray: 2 3; }
svg .leader { stroke: var(--c); stroke-width: 0.75; opacity: 0.6; }
svg .line { fill: none; stroke: var(--c); stroke-width: 1.75; stroke-linejoin: round; stroke-linecap: round; }
svg .dashed { stroke-dasharray: 5 4; stroke-linecap: butt; }
svg .point { fill: var(--c); stroke: var(--page); }
svg .hollow { fill: var(--page); stroke: var(--c); stroke-width: 1.5; }
.narrow { display: none; }
pre {
  background: var(--panel); border-radius: 8px; padding: 12px 14px;
  white-space: pre-wrap; overflow-wrap: anywhere; font-size: 13px; line-height: 1.5;
}
code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
@media print, (min-width: 640.1px) {
  .name wbr { display: none; }
}
@media screen and (max-width: 640px) {
  main { padding-top: 24px; }
  .wide { display: none; }
  .narrow { display: block; max-width: 480px; }
  .headline { font-size: 17px; }
  th, td { padding-left: 14px; }
  tbody th { white-space: normal; min-width: 84px; }
  .bars { min-width: 84px; }
  .name { white-space: normal; overflow-wrap: anywhere; min-width: 104px; }
}
@media print {
  main { max-width: none; padding: 0; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  h2, h3 { break-after: avoid; }
  figure, tr, .tiles { break-inside: avoid; }
  .scroll { overflow: visible; }
  table { font-size: 12px; }
  th, td { padding-left: 10px; }
}
)css";

}  // namespace detail

}  // namespace spat
