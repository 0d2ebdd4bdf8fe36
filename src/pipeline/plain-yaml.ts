import { Pair, Scalar, YAMLMap, YAMLSeq, type Node } from "yaml";

/** The library's node of a place that was read here: all of them have one. */
type Placed = Node & { range: [number, number, number] };

/** A line with something on it beside a comment. */
interface Line {
  readonly indent: number;
  /** Where what it says begins. */
  readonly at: number;
  /** Where its line feed stands. */
  readonly end: number;
}

interface Reading {
  readonly text: string;
  readonly lines: readonly Line[];
  /** The line that is read next. */
  nth: number;
}

/** More lists and maps one inside the other are the library's to refuse. */
const DEEP = 50;

/** Other white space than spaces and line feeds, and what begins or ends a document or says how to read it. */
const UNUSUAL = /[\t\r\u0085\u2028\u2029\ufeff]|^(?:---|\.\.\.|%)/m;

/**
 * The nodes of a document that keeps to what most pipelines are written in: maps and lists by indentation or in
 * brackets, words, numbers and quoted text without escapes, each on one line. Undefined for every other one, sound or
 * not, which the library reads. Values and places are those that the library gives, in a small part of its time.
 */
export function plainYaml(text: string): Node | undefined {
  const lines = UNUSUAL.test(text) ? undefined : linesOf(text);
  if (lines === undefined) return undefined;
  const reading: Reading = { text, lines, nth: 0 };
  const [first] = lines;
  const root = first === undefined ? undefined : block(reading, first.indent, 0);
  return reading.nth === reading.lines.length ? root : undefined;
}

/** Undefined where a comment stands deeper than what follows it: it belongs to a block, which then ends behind it. */
function linesOf(text: string): readonly Line[] | undefined {
  const lines: Line[] = [];
  let comment = 0;
  for (let from = 0; from < text.length;) {
    const feed = text.indexOf("\n", from);
    const end = feed < 0 ? text.length : feed;
    const at = behindSpaces(text, from);
    const indent = at - from;
    if (text[at] === "#") comment = Math.max(comment, indent);
    else if (at < end) {
      if (indent < comment) return undefined;
      comment = 0;
      lines.push({ indent, at, end });
    }
    from = end + 1;
  }
  return comment === 0 ? lines : undefined;
}

function behindSpaces(text: string, from: number): number {
  let at = from;
  while (text.charCodeAt(at) === 0x20) at++;
  return at;
}

/** The map or list whose first line is read next. */
function block(reading: Reading, indent: number, depth: number): Placed | undefined {
  const line = reading.lines[reading.nth];
  if (line === undefined || depth > DEEP) return undefined;
  return isEntry(reading, line) ? blockList(reading, indent, depth) : blockMap(reading, { ...line, indent }, depth);
}

function isEntry({ text }: Reading, { at, end }: Line): boolean {
  return text[at] === "-" && (at + 1 === end || text[at + 1] === " ");
}

/** `first` may stand behind the dash of a list, where the indentation of the map begins. */
function blockMap(reading: Reading, first: Line, depth: number): Placed | undefined {
  const { indent } = first;
  const map = new YAMLMap<Placed, Placed>();
  let end = first.at;
  for (let line: Line | undefined = first; line !== undefined && line.indent >= indent; line = next(reading)) {
    if (line.indent > indent || isEntry(reading, line)) return undefined;
    const key = keyAt(reading.text, line);
    if (key === undefined) return undefined;
    const value = valueOf(reading, { line, from: key.range[1] + 1 }, depth);
    if (value === undefined) return undefined;
    map.items.push(new Pair(key, value));
    end = value.range[2];
  }
  return placed(map, first.at, end);
}

function next({ lines, nth }: Reading): Line | undefined {
  return lines[nth];
}

/** The value behind a key's colon, or on the lines below it; leaves the reading behind it. */
function valueOf(
  reading: Reading,
  { line, from }: { readonly line: Line; readonly from: number },
  depth: number,
): Placed | undefined {
  const at = behindSpaces(reading.text, from);
  if (at < line.end && reading.text[at] !== "#") return inLine(reading, { line, at }, depth);
  reading.nth++;
  const below = next(reading);
  // A key without a value is the library's.
  if (below === undefined) return undefined;
  if (below.indent > line.indent) return block(reading, below.indent, depth + 1);
  return below.indent === line.indent && isEntry(reading, below)
    ? blockList(reading, below.indent, depth + 1)
    : undefined;
}

function blockList(reading: Reading, indent: number, depth: number): Placed | undefined {
  const list = new YAMLSeq<Placed>();
  const first = next(reading);
  let end = 0;
  for (let line = first; line !== undefined && line.indent >= indent; line = next(reading)) {
    if (line.indent > indent) return undefined;
    // The list of a key may stand as far to the left as the key: another key ends it.
    if (!isEntry(reading, line)) break;
    const item = itemOf(reading, line, depth);
    if (item === undefined) return undefined;
    list.items.push(item);
    end = item.range[2];
  }
  return first === undefined ? undefined : placed(list, first.at, end);
}

function itemOf(reading: Reading, line: Line, depth: number): Placed | undefined {
  const at = behindSpaces(reading.text, line.at + 1);
  if (at >= line.end || reading.text[at] === "#") return undefined;
  const inner: Line = { indent: line.indent + at - line.at, at, end: line.end };
  if (isEntry(reading, inner) || depth > DEEP) return undefined;
  if (keyAt(reading.text, inner) !== undefined) return blockMap(reading, inner, depth + 1);
  return inLine(reading, { line, at }, depth);
}

/** A value that ends with its line; what is indented deeper below it would belong to it. */
function inLine(
  reading: Reading,
  { line, at }: { readonly line: Line; readonly at: number },
  depth: number,
): Placed | undefined {
  const { text } = reading;
  const value = isOpening(text[at]) ? inBrackets(text, at, depth + 1) : (quoted(text, at) ?? word(text, at, WORD));
  if (value === undefined) return undefined;
  const rest = behindSpaces(text, value.range[1]);
  if (rest < line.end && (text[rest] !== "#" || rest === value.range[1])) return undefined;
  value.range[2] = Math.min(line.end + 1, text.length);
  reading.nth++;
  return (next(reading)?.indent ?? 0) > line.indent ? undefined : value;
}

function isOpening(character: string | undefined): boolean {
  return character === "[" || character === "{";
}

/** A list or map in brackets that are closed on the same line. */
function inBrackets(text: string, from: number, depth: number): Placed | undefined {
  if (depth > DEEP) return undefined;
  const isMap = text[from] === "{";
  const map = new YAMLMap<Placed, Placed>();
  const list = new YAMLSeq<Placed>();
  const closing = isMap ? "}" : "]";
  let at = behindSpaces(text, from + 1);
  while (text[at] !== closing) {
    const key = isMap ? (quoted(text, at) ?? word(text, at, WORD_IN_BRACKETS)) : undefined;
    if (isMap && (key === undefined || text[key.range[1]] !== ":" || text[key.range[1] + 1] !== " ")) return undefined;
    if (key !== undefined) at = behindSpaces(text, key.range[1] + 1);
    const value = isOpening(text[at])
      ? inBrackets(text, at, depth + 1)
      : (quoted(text, at) ?? word(text, at, WORD_IN_BRACKETS));
    if (value === undefined) return undefined;
    if (key === undefined) list.items.push(value);
    else map.items.push(new Pair(key, value));
    at = value.range[2] = behindSpaces(text, value.range[1]);
    if (text[at] === ",") at = behindSpaces(text, at + 1);
    else if (text[at] !== closing) return undefined;
  }
  const collection = isMap ? map : list;
  collection.flow = true;
  return placed(collection, from, at + 1);
}

function placed<Collection extends YAMLMap | YAMLSeq>(node: Collection, from: number, to: number): Collection & Placed {
  return Object.assign(node, { range: [from, to, to] as [number, number, number] });
}

const KEY = /[\w./$][\w./$-]*/y;
/** Text outside of brackets: a colon or a `#` in it stands between other characters. */
const WORD = /(?:[^\s\-?:,[\]{}#&*!|>'"%@`]|-(?=\S))(?:[^\s:#]|:(?=\S)|(?<=\S)#| +(?=[^\s:#]))*/y;
const WORD_IN_BRACKETS =
  /(?:[\w./$]|-(?=[\w./-]))(?:[\w./$\-+=~@%^*?<>()&|!;\\]|:(?=[\w./$*-])| +(?=[\w./$\-+=~@%^*?<>()&|!;\\]))*/y;

/** A colon that stands further behind the start of its key is none to the library. */
const LONGEST_KEY = 1_024;

/** The key that a line begins with, in front of its colon. */
function keyAt(text: string, { at, end }: Line): (Placed & Scalar) | undefined {
  const key = quoted(text, at) ?? word(text, at, KEY);
  const colon = key?.range[1] ?? end;
  const follows = text[colon] === ":" && (colon + 1 === end || text[colon + 1] === " ");
  return follows && colon - at <= LONGEST_KEY ? key : undefined;
}

function quoted(text: string, at: number): (Placed & Scalar) | undefined {
  const quote = text[at];
  if (quote !== '"' && quote !== "'") return undefined;
  const end = text.indexOf(quote, at + 1);
  const value = text.slice(at + 1, end);
  // Escapes, and text over several lines.
  if (end < 0 || value.includes("\n") || text[end + 1] === "'" || (quote === '"' && value.includes("\\")))
    return undefined;
  return scalar(value, { source: value, type: quote === '"' ? "QUOTE_DOUBLE" : "QUOTE_SINGLE", at, end: end + 1 });
}

function word(text: string, at: number, pattern: RegExp): (Placed & Scalar) | undefined {
  pattern.lastIndex = at;
  const source = pattern.exec(text)?.[0];
  if (source === undefined) return undefined;
  const value = meaningOf(source);
  return value === undefined ? undefined : scalar(value, { source, type: "PLAIN", at, end: at + source.length });
}

function scalar(
  value: unknown,
  {
    source,
    type,
    at,
    end,
  }: { readonly source: string; readonly type: Scalar.Type; readonly at: number; readonly end: number },
): Placed & Scalar {
  return Object.assign(new Scalar(value), { source, type, range: [at, end, end] as [number, number, number] });
}

const WORDS: ReadonlyMap<string, boolean | null> = new Map([
  ...["~", "null", "Null", "NULL"].map((text) => [text, null] as const),
  ...["true", "True", "TRUE"].map((text) => [text, true] as const),
  ...["false", "False", "FALSE"].map((text) => [text, false] as const),
]);
/** Numbers that are written in one way only. */
const NUMBER = /^-?(?:0|[1-9]\d{0,14})$|^-?(?:0|[1-9]\d{0,9})\.\d{1,5}$/;
/** What may be a number to the core schema of YAML 1.2, and then is the library's. */
const NUMERIC = /^[-+]?(?:\.?\d[\d.]*(?:[eE][-+]?\d+)?|0o[0-7]+|0x[\da-fA-F]+|\.(?:inf|Inf|INF|nan|NaN|NAN))$/;

/** What a word means by the core schema; undefined where that has to be asked for. */
function meaningOf(source: string): string | number | boolean | null | undefined {
  const known = WORDS.get(source);
  if (known !== undefined) return known;
  if (NUMBER.test(source)) return Number(source);
  return NUMERIC.test(source) ? undefined : source;
}
