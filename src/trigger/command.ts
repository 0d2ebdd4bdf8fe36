import { closest } from "../problem/suggest.ts";

/** What a person asks for in a comment (INTERFACES §5); names are as written and may name nothing. */
export type Command =
  | { readonly kind: "plan" | "cancel" | "retry" | "help" }
  | { readonly kind: "run"; readonly pipeline: string | null; readonly commit: string | null }
  | { readonly kind: "diff"; readonly against: string }
  | {
      readonly kind: "promote";
      readonly environment: string;
      readonly pipeline: string | null;
      readonly run: string | null;
      /** Why gates and approvals are passed over; null: they are not. */
      readonly breakGlass: string | null;
    }
  | {
      readonly kind: "approve";
      readonly environment: string;
      readonly pipeline: string | null;
    }
  | {
      readonly kind: "rollback";
      readonly environment: string;
      readonly pipeline: string | null;
      readonly run: string | null;
    }
  | { readonly kind: "hold"; readonly environment: string; readonly pipeline: string | null; readonly reason: string }
  | { readonly kind: "unhold"; readonly environment: string; readonly pipeline: string | null }
  | { readonly kind: "freeze" | "unfreeze"; readonly environment: string; readonly reason: string }
  | { readonly kind: "explain"; readonly step: string | null }
  | { readonly kind: "note"; readonly text: string };

/** Commands about environments: each becomes a fact of the ledger. */
export type ReleaseCommand = Extract<
  Command,
  { kind: "promote" | "approve" | "rollback" | "hold" | "unhold" | "freeze" | "unfreeze" | "note" }
>;

export type ParsedCommand =
  | { readonly kind: "command"; readonly command: Command }
  /** Both are plain text, and may hold what the person wrote: escape them before showing. */
  | { readonly kind: "refused"; readonly why: string; readonly next: string };

/** Characters of a command's line. */
export const MAX_COMMAND = 1_000;

/** Whether a comment begins with a command: `/sluice` at the very start of its first line. */
export function isCommand(text: string): boolean {
  return /^\/sluice(?!\S)/.test(text);
}

/** How each command is written. */
export const USAGE = {
  plan: "/sluice plan",
  run: "/sluice run [pipeline][@sha]",
  cancel: "/sluice cancel",
  retry: "/sluice retry",
  diff: "/sluice diff <run|ref>",
  promote: "/sluice promote <environment> [pipeline] [run] [--break-glass <reason>]",
  approve: "/sluice approve <environment> [pipeline]",
  rollback: "/sluice rollback <environment> [pipeline] [run]",
  hold: "/sluice hold <environment>[/pipeline] <reason>",
  unhold: "/sluice unhold <environment>[/pipeline]",
  freeze: "/sluice freeze <environment> <reason>",
  unfreeze: "/sluice unfreeze <environment> <reason>",
  explain: "/sluice explain [step]",
  note: "/sluice note <text>",
  help: "/sluice help",
} as const satisfies Record<Command["kind"], string>;

/** Reads the first line of a comment; `/sluice` alone asks for help. */
export function parseCommand(text: string): ParsedCommand {
  const line = text.split(/[\r\n\u2028\u2029]/, 1)[0] ?? "";
  if (!isCommand(line)) return refused("the comment does not begin with /sluice", `write ${USAGE.help}`);
  if (line.length > MAX_COMMAND) {
    return refused(`a command has at most ${MAX_COMMAND} characters`, "say the rest in another comment");
  }
  const [, verb = "help", rest = ""] = /^\/sluice(?:\s+(\S+)(?:\s+(.*?))?)?\s*$/u.exec(line) ?? [];
  if (!Object.hasOwn(USAGE, verb)) {
    const meant = closest(verb, Object.keys(USAGE));
    return refused(
      `there is no command ${shown(verb)}`,
      meant === undefined ? `write ${USAGE.help}` : `did you mean /sluice ${meant}?`,
    );
  }
  const kind = verb as Command["kind"];
  const command = argumentsOf(kind, rest);
  return command === undefined
    ? refused(`${kind} is written otherwise`, `write ${USAGE[kind]}`)
    : { kind: "command", command };
}

/** A name of a pipeline, step or environment, as the language's schema has it. */
const NAME = /^[A-Za-z0-9][\w.-]{0,99}$/;
/** A run, commit, branch, `#12` or environment, with `~1`; never an option. */
const REFERENCE = /^[\w#][\w#./:~^@-]{0,199}$/;
const SHA = /^[0-9a-f]{4,40}$/;

function argumentsOf(kind: Command["kind"], rest: string): Command | undefined {
  const words = rest === "" ? [] : rest.split(/\s+/u);
  switch (kind) {
    case "plan":
    case "cancel":
    case "retry":
      return words.length === 0 ? { kind } : undefined;
    case "help":
      return { kind };
    case "run":
      return runArguments(words);
    case "diff":
      return words.length === 1 && isReference(words[0]) ? { kind, against: words[0] } : undefined;
    case "explain":
      return words.length <= 1 && areNames(words) ? { kind, step: words[0] ?? null } : undefined;
    case "note":
      return rest === "" ? undefined : { kind, text: rest };
    case "promote":
      return promoteArguments(rest);
    case "approve": {
      const [environment, pipeline = null] = words;
      if (environment === undefined || words.length > 2 || !areNames(words)) return undefined;
      return { kind, environment, pipeline };
    }
    case "rollback": {
      const [environment, pipeline = null, run = null] = words;
      if (environment === undefined || words.length > 3 || !areNames(words.slice(0, 2))) return undefined;
      return run === null || isReference(run) ? { kind, environment, pipeline, run } : undefined;
    }
    case "hold":
    case "unhold":
    case "freeze":
    case "unfreeze":
      return haltArguments(kind, rest);
    default:
      return kind satisfies never;
  }
}

function runArguments(words: readonly string[]): Command | undefined {
  if (words.length > 1) return undefined;
  const [pipeline = "", commit] = (words[0] ?? "").split("@", 2);
  if (words[0]?.endsWith("@") === true || (words[0]?.split("@").length ?? 0) > 2) return undefined;
  if (pipeline !== "" && !NAME.test(pipeline)) return undefined;
  if (commit !== undefined && !SHA.test(commit)) return undefined;
  return { kind: "run", pipeline: pipeline === "" ? null : pipeline, commit: commit ?? null };
}

/** Everything behind `--break-glass` is the reason, which is never empty. */
function promoteArguments(rest: string): Command | undefined {
  const [, place = "", glass, reason = null] = /^(.*?)(?:(?:^|\s)(--break-glass)(?:\s+(.+))?)?$/u.exec(rest) ?? [];
  const [environment, pipeline = null, run = null, ...more] = place.split(/\s+/u).filter((word) => word !== "");
  if (environment === undefined || more.length > 0 || (glass !== undefined && reason === null)) return undefined;
  if (!areNames(pipeline === null ? [environment] : [environment, pipeline])) return undefined;
  return run === null || isReference(run)
    ? { kind: "promote", environment, pipeline, run, breakGlass: reason }
    : undefined;
}

function haltArguments(kind: "hold" | "unhold" | "freeze" | "unfreeze", rest: string): Command | undefined {
  const [, place = "", reason = ""] = /^(\S+)(?:\s+(.+))?$/u.exec(rest) ?? [];
  const [environment = "", pipeline = null, ...more] = place.split("/");
  if (more.length > 0 || !areNames(pipeline === null ? [environment] : [environment, pipeline])) return undefined;
  switch (kind) {
    case "hold":
      return reason === "" ? undefined : { kind, environment, pipeline, reason };
    case "unhold":
      return reason === "" ? { kind, environment, pipeline } : undefined;
    case "freeze":
    case "unfreeze":
      return pipeline !== null || reason === "" ? undefined : { kind, environment, reason };
  }
}

function areNames(words: readonly string[]): boolean {
  return words.every((word) => NAME.test(word));
}

function isReference(word: string | undefined): word is string {
  return word !== undefined && REFERENCE.test(word);
}

/** At most 40 characters of a word that somebody wrote, quoted. */
function shown(word: string): string {
  const points = [...word.toWellFormed()];
  return `“${points.length <= 40 ? word.toWellFormed() : `${points.slice(0, 39).join("")}…`}”`;
}

function refused(why: string, next: string): ParsedCommand {
  return { kind: "refused", why, next };
}
