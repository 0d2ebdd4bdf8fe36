const PACKAGE = /^https?:\/\/[^\s\p{C}@#?$]+\.(?:conda|tar\.bz2)#(?:sha256:[0-9a-f]{64}|[0-9a-f]{32})$/u;

/** Packages of an explicit lock as the file lists them. */
export function explicitPackages(lock: string): { readonly packages: readonly string[] } | { readonly line: number } {
  const packages: string[] = [];
  for (const [at, raw] of lock.split(/\r?\n/).entries()) {
    const words = raw.trim();
    if (words === "" || words.startsWith("#") || words === "@EXPLICIT") continue;
    if (!PACKAGE.test(words)) return { line: at + 1 };
    packages.push(words);
  }
  return { packages };
}
