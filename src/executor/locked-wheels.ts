const HASH = /^"sha(?:256|384|512):[0-9a-f]+"$/;
const SOURCE = /\bsource = \{ (?:registry|url|virtual|editable) = S(?:, subdirectory = S)? \}/g;
const WHEELS = /\bwheels = \[\s*(?:\{[^{}[\]]*\bhash = H\b[^{}[\]]*\},?\s*)*\]/g;

/**
 * Why a `uv.lock` does not pin every package to the byte; undefined: it does. Read in the form in which uv writes it: what
 * TOML allows beside that could hide a package from whoever looks.
 */
export function unlockedWheels(lock: string): string | undefined {
  const bare = lock.replaceAll(/"[^"\\\p{C}]*"/gu, (text) => (HASH.test(text) ? "H" : "S"));
  if (/["'\\#]|[SH]\s*[SH=]|[\w-]\s*\.\s*[\w-]+\s*=|\.\s*(?:source|wheels)\b/.test(bare))
    return "is not in the form in which uv writes it";
  if (count(bare, /\bsource\b/g) !== count(bare, SOURCE))
    return "has a package from a directory, a file or git, which the key does not hold";
  if (count(bare, /\bwheels\b/g) !== count(bare, WHEELS)) return "has a wheel without a hash";
  return undefined;
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}
