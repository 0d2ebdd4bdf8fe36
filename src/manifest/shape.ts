/** Where a value is not what it should be, as a path from the value; undefined where it is sound. */
export type Shape = (value: unknown) => string | undefined;

const sound = undefined;
const here = "";

export function text(value: unknown): string | undefined {
  return typeof value === "string" ? sound : here;
}

export function bool(value: unknown): string | undefined {
  return typeof value === "boolean" ? sound : here;
}

export function number(value: unknown): string | undefined {
  return typeof value === "number" ? sound : here;
}

/** A string that its own parser accepts. */
export function parsed(parse: (text: string) => string | undefined): Shape {
  return (value) => (typeof value === "string" && parse(value) !== undefined ? sound : here);
}

export function oneOf(words: readonly string[]): Shape {
  return (value) => (typeof value === "string" && words.includes(value) ? sound : here);
}

export function nullable(shape: Shape): Shape {
  return (value) => (value === null ? sound : shape(value));
}

/** A member that older manifests do not have. */
export function optional(shape: Shape): Shape {
  return (value) => (value === undefined ? sound : shape(value));
}

export function list(shape: Shape): Shape {
  return (value) => {
    if (!Array.isArray(value)) return here;
    for (let i = 0; i < value.length; i++) {
      const at = shape(value[i]);
      if (at !== undefined) return `[${i}]${at}`;
    }
    return sound;
  };
}

/** An object whose members, whatever their names, all have one shape. */
export function map(shape: Shape): Shape {
  return (value) => {
    if (!isObject(value)) return here;
    for (const [name, member] of Object.entries(value)) {
      const at = shape(member);
      if (at !== undefined) return `.${name}${at}`;
    }
    return sound;
  };
}

/** An object with at least these members. */
export function object(members: Readonly<Record<string, Shape>>): Shape {
  const entries = Object.entries(members);
  return (value) => {
    if (!isObject(value)) return here;
    for (const [name, shape] of entries) {
      const at = shape(Object.hasOwn(value, name) ? value[name] : undefined);
      if (at !== undefined) return `.${name}${at}`;
    }
    return sound;
  };
}

/** An object told apart by its `kind`. */
export function kinds(shapes: Readonly<Record<string, Shape>>): Shape {
  return (value) => {
    if (!isObject(value) || typeof value["kind"] !== "string" || !Object.hasOwn(shapes, value["kind"])) return ".kind";
    return shapes[value["kind"]]?.(value);
  };
}

export function anything(): string | undefined {
  return sound;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
