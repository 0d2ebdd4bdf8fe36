import { ok, refused, type Result } from "../result/result.ts";

const MAX_BYTES = 16_777_216;

/**
 * A JSON or YAML file that a step wrote, by its ending; the refusal says what is wrong with it. `exact`: whole numbers
 * that a double does not hold come as bigint (in YAML any whole number may).
 */
export async function readData(
  path: string,
  bytes: Uint8Array,
  { exact }: { readonly exact: boolean } = { exact: false },
): Promise<Result<unknown, string>> {
  const text = readText(bytes);
  if (text.kind === "refused") return text;
  try {
    return ok(
      /\.ya?ml$/i.test(path)
        ? (await import("yaml")).parse(text.value, { intAsBigInt: exact })
        : parseJson(text.value, exact ? wholeNumbers : undefined),
    );
  } catch (error) {
    const line = error instanceof Error ? error.message.split("\n")[0] : undefined;
    return refused(line === undefined || line === "" ? "it cannot be parsed" : line.slice(0, 300));
  }
}

/** Text of at most 16 MiB in UTF-8, without its byte-order mark. */
export function readText(bytes: Uint8Array): Result<string, string> {
  if (bytes.byteLength > MAX_BYTES)
    return refused(`it has ${bytes.byteLength} bytes, and at most ${MAX_BYTES} are read`);
  try {
    return ok(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return refused("it is not UTF-8 text");
  }
}

/** JSON with the words NaN and Infinity outside of strings, which Python's json module writes. */
function parseJson(text: string, reviver: typeof wholeNumbers | undefined): unknown {
  try {
    return JSON.parse(text, reviver);
  } catch (error) {
    const tamed = text.replace(/"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g, (token) =>
      token.startsWith('"') ? token : `"${token}"`,
    );
    if (tamed === text) throw error;
    return JSON.parse(tamed, reviver);
  }
}

/** Digits as they stand in the text, where the parsed number has lost some. */
function wholeNumbers(_: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value) || !/^-?\d+$/.test(context?.source ?? "")) return value;
  return BigInt(context?.source ?? 0);
}
