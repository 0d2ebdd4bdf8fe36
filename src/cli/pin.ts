import { isAlias, isMap, isScalar, parseDocument, type Document } from "yaml";

import { EXIT, Refusal } from "./exit.ts";
import { openSession, type Session } from "./session.ts";
import type { World } from "./world.ts";

/** An image by tag in a pipeline file; offsets of its text in the file. */
interface Unpinned {
  readonly image: string;
  readonly start: number;
  readonly end: number;
}

/** `sluice pin [pipeline…]`: writes the digest that each image's tag has now into the pipeline files, in place. */
export async function pin(world: World, names: readonly string[]): Promise<number> {
  const session = await openSession(world);
  const files = filesOf(session, names);
  const asked = new Map<string, Awaited<ReturnType<typeof session.repository.imageDigest>>>();
  let code: number = EXIT.fine;
  let pinned = 0;
  for (const path of files) {
    const bytes = await session.project.view.read(path);
    if (bytes === undefined) continue;
    // A byte-order mark stays where it is.
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
    let written = text;
    for (const { image, start, end } of unpinned(text).toSorted((a, b) => b.start - a.start)) {
      const answer = asked.get(image) ?? (await session.repository.imageDigest(image, world.terminal.interrupted));
      asked.set(image, answer);
      if (answer.kind === "refused") {
        const line = text.slice(0, start).split("\n").length;
        world.terminal.say(`${path}:${line}: ${answer.why}\n  next: ${answer.next}\n`);
        code = EXIT.bad;
        continue;
      }
      written = `${written.slice(0, start)}${quoted(text.slice(start, end), answer.image)}${written.slice(end)}`;
      world.terminal.print(`${path}: ${image} → ${answer.image}\n`);
      pinned++;
    }
    if (written !== text) session.repository.write(path, written);
  }
  if (pinned === 0 && code === EXIT.fine) world.terminal.print("nothing to pin: every image has its digest\n");
  return code;
}

/** Files of the named pipelines, also of those that have problems: an image without a digest is one. */
function filesOf({ project }: Session, names: readonly string[]): readonly string[] {
  const known = project.pipelines.map((file) => ({ name: file.pipeline.name, path: file.path }));
  const broken = project.broken.map((path) => ({ name: path.replace(/^.*\//, "").replace(/\.ya?ml$/, ""), path }));
  const all = [...known, ...broken];
  for (const name of names) {
    if (all.some((one) => one.name === name || one.path === name)) continue;
    throw new Refusal(
      EXIT.usage,
      `there is no pipeline ${name}\n  next: known: ${all.map((one) => one.name).join(", ") || "none"}`,
    );
  }
  const wanted = all.filter(({ name, path }) => names.length === 0 || names.includes(name) || names.includes(path));
  return wanted.map(({ path }) => path).sort();
}

/** Images without a digest, wherever an `environment:` may stand. */
function unpinned(text: string): readonly Unpinned[] {
  const document = parseDocument(text, { keepSourceTokens: false, merge: true });
  if (document.errors.length > 0) return [];
  const steps: unknown = document.get("steps");
  const owners: readonly (readonly string[])[] = [
    [],
    ["defaults"],
    ...(isMap(steps) ? steps.items.map(({ key }) => ["steps", String(isScalar(key) ? key.value : key)]) : []),
  ];
  const found = new Map<number, Unpinned>();
  for (const owner of owners) {
    const at = imageOf(document, owner);
    if (at !== undefined) found.set(at.start, at);
  }
  return [...found.values()];
}

function imageOf(document: Document, owner: readonly string[]): Unpinned | undefined {
  const environment: unknown = document.getIn([...owner, "environment"], true);
  const map = resolved(document, environment);
  if (!isMap(map)) return undefined;
  const node: unknown = resolved(document, map.get("image", true));
  if (!isScalar(node) || typeof node.value !== "string" || node.range === undefined || node.range === null)
    return undefined;
  if (node.value.includes("@") || node.value.trim() === "") return undefined;
  return { image: node.value, start: node.range[0], end: node.range[1] };
}

/** What an alias stands for: its text is where the anchor is. */
function resolved(document: Document, node: unknown): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}

/** The new text in the quotes of the old one; `@` and `:` need none inside a plain scalar. */
function quoted(old: string, image: string): string {
  const quote = /^["']/.exec(old)?.[0] ?? "";
  return `${quote}${image}${quote}`;
}
