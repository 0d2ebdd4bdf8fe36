import type { Json } from "../identity/canonical-json.ts";
import type { Cause, Change, Verdict, WorkStep } from "../plan/plan.ts";
import type { Voice } from "./voice.ts";
import { counted, fourCharacters, listed, type ShortId } from "./words.ts";

/** Why a step runs, as half a sentence: `parameter train.learning_rate 0.1 → 0.05`. */
export function causeSentence(cause: Cause, voice: Voice): string {
  switch (cause.kind) {
    case "first-run":
      return "first run";
    case "changed":
      return cause.changes.length === 0 ? "an upstream output is new" : changesSentence(cause.changes, voice);
    case "forced":
      return "forced";
    case "uncached":
      return cause.why === "effects"
        ? "changes the outside world, so it is never cached"
        : `never cached (${voice.code(cause.why)})`;
    case "evicted":
      return "its result is not in this store";
    case "unfinished":
      if (cause.failed === undefined) return "it has not finished yet";
      return `it failed in run ${voice.code(fourCharacters(cause.failed.run))}: ${ownWords(cause.failed.why, voice)}`;
  }
}

/** The first three changes, inputs of one kind together, then how many more. */
function changesSentence(changes: readonly Change[], voice: Voice): string {
  const inputs = changes.filter((change) => change.kind === "input");
  const others = changes.filter((change) => change.kind !== "input").map((change) => changeSentence(change, voice));
  const sentences =
    inputs.length > 2 ? [...others, manyInputs(inputs, voice)] : changes.map((change) => changeSentence(change, voice));
  if (sentences.length <= 3) return sentences.join("; ");
  return `${sentences.slice(0, 3).join("; ")}; and ${sentences.length - 3} more`;
}

function manyInputs(inputs: readonly Extract<Change, { kind: "input" }>[], voice: Voice): string {
  const kinds = new Set(inputs.map((input) => input.change));
  const word = kinds.size === 1 ? (inputs[0]?.change ?? "changed") : "changed";
  return `${counted(inputs.length, "input")} ${word} (${listed(
    inputs.map((input) => voice.code(input.path)),
    3,
  )})`;
}

/** One difference of two key documents as half a sentence. */
export function changeSentence(change: Change, voice: Voice): string {
  switch (change.kind) {
    case "command":
      return "command changed";
    case "parameter":
      return parameterSentence(change, voice);
    case "input":
      return `input ${voice.code(change.path)} ${change.change}`;
    case "upstream":
      return `${voice.code(change.path)} from ${voice.code(change.step)} changed`;
    case "image":
      return `image ${voice.text(shortImage(change.from))} → ${voice.strong(shortImage(change.to))}`;
    case "environment":
      return environmentSentence(change, voice);
    case "outputs":
    case "metrics":
    case "plots":
      return `declared ${change.kind} changed`;
    case "secrets":
      return "requested secrets changed";
    case "network":
    case "salt":
    case "executor":
    case "platform":
      return `${change.kind} ${voice.text(bare(change.from))} → ${voice.strong(bare(change.to))}`;
    case "key-version":
      return `key format ${change.from} → ${change.to}`;
  }
}

function parameterSentence(change: Extract<Change, { kind: "parameter" }>, voice: Voice): string {
  const name = voice.code(change.name);
  if (change.from === undefined) return `parameter ${name} added: ${voice.strong(shownValue(change.to))}`;
  if (change.to === undefined) return `parameter ${name} removed (was ${voice.text(shownValue(change.from))})`;
  const [from, to] = distinct(change.from, change.to);
  return `parameter ${name} ${voice.text(from)} → ${voice.strong(to)}`;
}

/** Where both would look the same (`1` and `"1"`), as JSON. */
function distinct(from: Json, to: Json): readonly [string, string] {
  const [a, b] = [shownValue(from), shownValue(to)];
  return a === b ? [JSON.stringify(from), JSON.stringify(to)] : [a, b];
}

/** A parameter's value, short: words stand bare, everything else as JSON. */
export function shownValue(value: Json | undefined): string {
  if (value === undefined) return "none";
  const text = typeof value === "string" && /^[A-Za-z][\w./:+-]*$/.test(value) ? value : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

function environmentSentence(change: Extract<Change, { kind: "environment" }>, voice: Voice): string {
  if (change.name === "lock") return "lock file changed";
  const [kind, name] =
    change.name === "environment"
      ? ["environment", ""]
      : change.name.startsWith("env.")
        ? ["variable", change.name.slice(4)]
        : ["tool", change.name];
  const subject = name === "" ? kind : `${kind} ${voice.code(name)}`;
  return `${subject} ${voice.text(change.from ?? "none")} → ${voice.strong(change.to ?? "none")}`;
}

function shortImage(image: string | null): string {
  return image === null ? "none" : image.replace(/(sha256:[0-9a-f]{12})[0-9a-f]+/, "$1");
}

/** `"process"` as it was written, and lists without their brackets. */
function bare(json: string): string {
  const text = json
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/,?null\b/g, "")
    .replaceAll('"', "")
    .replaceAll(",", " ")
    .trim();
  return text === "" ? "none" : text;
}

/** What a verdict rests on, as the `why` column of a plan shows it. */
export function verdictSentence(
  verdict: Verdict,
  about: { readonly step: WorkStep | undefined; readonly shortId: ShortId },
  voice: Voice,
): string {
  switch (verdict.kind) {
    case "run":
      return causeSentence(verdict.cause, voice);
    case "cached":
      return `from run ${voice.code(about.shortId(verdict.from))}`;
    case "depends":
      if (verdict.changes.length > 0)
        return `${changesSentence(verdict.changes, voice)}; after ${listed(verdict.on.map(voice.code))}`;
      return `if ${listed(
        verdict.on.map((step) => another(step, about.step, voice)),
        3,
      ).replace(/ and (?=\d+ more$)/, " or ")}`;
    case "withheld":
      return withheldSentence(verdict.why, voice);
  }
}

function another(step: string, of: WorkStep | undefined, voice: Voice): string {
  const paths =
    of === undefined
      ? []
      : of.inputs.flatMap((input) => (input.kind === "output" && input.step === step ? [input.path] : []));
  if (paths.length === 0) return `${voice.code(step)} gives something else`;
  const names = paths.map((path) => voice.code(path.replace(/\/+$/, "").split("/").at(-1) ?? path));
  return `${voice.code(step)} gives another ${listed(names, 3)}`;
}

/** Sentences of our own may carry code in backticks; terminals show them as they are. */
export function withheldSentence(why: string, voice: Voice): string {
  return `left out: ${ownWords(why, voice)}`;
}

/** A sentence in which backticks mark code: set anew in the reader's voice. */
export function ownWords(sentence: string, voice: Voice): string {
  return sentence
    .split(/(`[^`]*`)/)
    .map((part) => {
      if (part.length > 1 && part.startsWith("`") && part.endsWith("`")) return voice.code(part.slice(1, -1));
      const [, before, core, after] = /^(\s*)(.*?)(\s*)$/s.exec(part) ?? ["", "", part, ""];
      const space = (edge: string | undefined): string => (edge === undefined || edge === "" ? "" : " ");
      return core === undefined || core === "" ? space(part) : `${space(before)}${voice.text(core)}${space(after)}`;
    })
    .join("");
}
