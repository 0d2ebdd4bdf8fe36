import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

/**
 * Draws the graphs of a page where Mermaid is installed; elsewhere, and without JavaScript, a graph stays the text that
 * it is written in. Mermaid makes elements of what labels hold before it cleans them, so markup does not reach it.
 */
const DRAW = `const dark = matchMedia("(prefers-color-scheme: dark)");
const graphs = [...document.querySelectorAll("figure.graph")].map((figure) => [figure, plain(figure.textContent)]);
function plain(source) {
  return source.replace(/<(?=[a-z/!?])(?!br *\\/?>)/gi, "#60;");
}
function settings() {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const [ink, page, soft, faint] = ["ink", "page", "soft", "faint"].map(colour);
  const themeVariables = { darkMode: dark.matches, background: page, primaryColor: soft, primaryTextColor: ink, primaryBorderColor: faint, lineColor: faint, textColor: ink, dropShadow: "none", useGradient: false,
    xyChart: { backgroundColor: page, titleColor: ink, plotColorPalette: colour("link") + "," + colour("good") + "," + colour("merged") } };
  return { startOnLoad: false, securityLevel: "strict", suppressErrorRendering: true, theme: "base", themeVariables };
}
async function draw() {
  mermaid.initialize(settings());
  for (const [at, [figure, source]] of graphs.entries()) {
    const drawn = await mermaid.render("graph" + at, source).catch(() => undefined);
    if (drawn === undefined) continue;
    figure.innerHTML = drawn.svg;
    const svg = figure.querySelector("svg");
    svg.style.minWidth = 0.75 * parseFloat(svg.style.maxWidth) + "px";
    const words = [...svg.querySelectorAll(".node, .chart-title text")].map((one) => one.textContent.trim());
    figure.setAttribute("role", "img");
    figure.setAttribute("aria-label", "Graph: " + words.filter((word) => word !== "").join(", "));
    figure.tabIndex = 0;
  }
  document.documentElement.dataset.graphs = dark.matches ? "dark" : "light";
}
dark.addEventListener("change", draw);
draw();
`;

/** What a page with graphs names in its head. */
export const GRAPH_SCRIPTS = `<script defer src="/-/mermaid.js"></script><script defer src="/-/graphs.js"></script>`;

/** A script of the pages by its path; undefined: there is none. */
export async function scriptAt(path: string): Promise<string | Uint8Array | undefined> {
  const mermaid = mermaidFile();
  if (mermaid === undefined) return undefined;
  if (path === "/-/graphs.js") return DRAW;
  return path === "/-/mermaid.js" ? readFile(mermaid) : undefined;
}

/** Mermaid is no part of an installation: it is there where the source is. */
export function mermaidFile(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve("mermaid/dist/mermaid.min.js");
  } catch {
    return undefined;
  }
}
