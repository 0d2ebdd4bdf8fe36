import type { ASTNode } from "@marcbachmann/cel-js";

import type { Json, JsonObject } from "../identity/canonical-json.ts";

/** Evaluating a condition never does more elementary steps, nor makes a value of more members and characters. */
export const MOST_WORK = 2_000_000;

/** What a part of a condition may be: the very values where they are known, else bounds. */
interface Bound {
  /** Every value that it can have; null where it is computed. */
  readonly values: readonly Json[] | null;
  /** Most elements that can be iterated. */
  readonly length: number;
  /** Most members and characters, however deep. */
  readonly size: number;
}

type Scope = Readonly<Record<string, Bound>>;

/** A condition that is not evaluated, and why. */
export class TooCostly extends Error {}

/**
 * An upper bound for the work of a condition over these data, found without evaluating it: policies cannot hang a plan
 * nor fill its memory. Throws `TooCostly` beyond `most`.
 */
export function conditionCost(ast: ASTNode, data: JsonObject, most: number = MOST_WORK): number {
  const bounds = boundsOf(most);
  const scope: Record<string, Bound> = {};
  for (const [name, value] of Object.entries(data)) scope[name] = bounds.ofValues([value]);
  bounds.walk(ast, scope, 1);
  return bounds.work();
}

const SCALAR: Bound = { values: null, length: 0, size: 8 };

function boundsOf(most: number) {
  const sizes = new WeakMap<object, number>();
  let work = 0;
  const spend = (steps: number): void => {
    work += steps;
    if (!(work <= most)) throw new TooCostly("it takes too long over a plan of this size: nest fewer lists");
  };
  const held = (bound: Bound): Bound => {
    if (bound.size > most) throw new TooCostly("it makes a value that is too big");
    return bound;
  };

  /** Members and characters of a value; each object is counted once. */
  function sizeOf(value: Json): number {
    if (typeof value === "string") return value.length + 1;
    if (typeof value !== "object" || value === null) return 8;
    const known = sizes.get(value);
    if (known !== undefined) return known;
    let size = 1;
    for (const [name, member] of Object.entries(value)) size += name.length + sizeOf(member);
    sizes.set(value, size);
    spend(Object.keys(value).length);
    return size;
  }

  function ofValues(values: readonly Json[]): Bound {
    spend(values.length);
    let length = 0;
    let size = 8;
    for (const value of values) {
      length = Math.max(length, membersOf(value).length);
      size = Math.max(size, sizeOf(value));
    }
    return { values, length, size };
  }

  /** What iterating gives: elements of lists, names of maps. */
  function elementsOf({ values, size }: Bound): Bound {
    if (values === null) return { values: null, length: size, size };
    return ofValues(values.flatMap(membersOf));
  }

  function fieldOf({ values, size }: Bound, name: string): Bound {
    if (values === null) return { values: null, length: size, size };
    return ofValues(values.flatMap((value) => ownMember(value, name)));
  }

  function either(a: Bound, b: Bound): Bound {
    const values = a.values === null || b.values === null ? null : [...a.values, ...b.values];
    return { values, length: Math.max(a.length, b.length), size: Math.max(a.size, b.size) };
  }

  function all(nodes: readonly ASTNode[], scope: Scope, times: number): Bound {
    let length = 0;
    let size = 8;
    for (const node of nodes) {
      const bound = walk(node, scope, times);
      length += bound.length;
      size += bound.size;
    }
    spend(size * times);
    return held({ values: null, length, size });
  }

  function walk(node: ASTNode, scope: Scope, times: number): Bound {
    spend(times);
    switch (node.op) {
      case "value": {
        const size = typeof node.args === "string" ? node.args.length + 8 : 8;
        return { values: typeof node.args === "string" ? [node.args] : null, length: size, size };
      }
      case "id":
        return scope[node.args] ?? SCALAR;
      case ".":
        return fieldOf(walk(node.args[0], scope, times), node.args[1]);
      case "[]": {
        const [of, index] = node.args;
        const from = walk(of, scope, times);
        walk(index, scope, times);
        if (index.op === "value" && typeof index.args === "string") return fieldOf(from, index.args);
        // Some element of a list, or some member of a map.
        if (from.values === null) return { values: null, length: from.size, size: from.size };
        return ofValues(from.values.flatMap((value) => (isContainer(value) ? Object.values(value) : [])));
      }
      case "list":
        return { ...all(node.args, scope, times), length: node.args.length };
      case "map":
        return { ...all(node.args.flat(), scope, times), length: node.args.length };
      case "?:": {
        const [condition, yes, no] = node.args;
        walk(condition, scope, times);
        return either(walk(yes, scope, times), walk(no, scope, times));
      }
      case "+":
        return all(node.args, scope, times);
      case "!_":
      case "-_":
        walk(node.args, scope, times);
        return SCALAR;
      case "call":
        return called(all(node.args[1], scope, times));
      case "rcall":
        return method(node.args, scope, times);
      case ".?":
      case "[?]":
        throw new TooCostly("optional access is not in this version");
      case "==":
      case "!=":
      case "<":
      case "<=":
      case ">":
      case ">=":
      case "in":
      case "&&":
      case "||":
      case "-":
      case "*":
      case "/":
      case "%":
        // Comparisons, arithmetic, `in` and the logical ones: they look at their operands and give a scalar.
        all(node.args, scope, times);
        return SCALAR;
    }
  }

  /** A function gives at most what it was given, escaped or converted. */
  function called({ length, size }: Bound): Bound {
    return held({ values: null, length: length + size, size: 4 * size + 64 });
  }

  function method([name, of, args]: readonly [string, ASTNode, readonly ASTNode[]], scope: Scope, times: number) {
    const [first, ...rest] = args;
    if (name === "bind" && of.op === "id" && first?.op === "id") {
      const [value, inner] = rest;
      if (value === undefined || inner === undefined) return SCALAR;
      return walk(inner, { ...scope, [first.args]: walk(value, scope, times) }, times);
    }
    const from = walk(of, scope, times);
    if (MACROS.has(name) && first?.op === "id" && rest.length > 0) {
      const inner = { ...scope, [first.args]: elementsOf(from) };
      const rounds = from.length;
      spend(times * rounds);
      const made = rest.map((part) => walk(part, inner, times * rounds));
      if (name === "filter") return from;
      if (name !== "map") return SCALAR;
      const last = made.at(-1)?.size ?? 8;
      return held({ values: null, length: rounds, size: rounds * (last + 1) + 1 });
    }
    if (name === "matches") throw new TooCostly("`matches` is not in this version: use startsWith, endsWith, contains");
    const given = all(args, scope, times);
    spend(times * (name === "join" ? from.size * given.size : from.size));
    const size = name === "join" ? from.size * (given.size + 1) : 4 * (from.size + given.size) + 64;
    return held({ values: null, length: size, size });
  }

  return { walk, ofValues, work: () => work };
}

const MACROS: ReadonlySet<string> = new Set(["all", "exists", "exists_one", "filter", "map"]);

function isContainer(value: Json): value is readonly Json[] | JsonObject {
  return typeof value === "object" && value !== null;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function membersOf(value: Json): readonly Json[] {
  if (isList(value)) return value;
  return isContainer(value) ? Object.keys(value) : [];
}

function ownMember(value: Json, name: string): readonly Json[] {
  if (!isContainer(value) || isList(value) || !Object.hasOwn(value, name)) return [];
  const member = value[name];
  return member === undefined ? [] : [member];
}
