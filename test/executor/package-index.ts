import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, mkdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

/** A package index that pip asks over HTTP, with wheels made here; `asked` are the paths of all requests. */
export interface PackageIndex extends AsyncDisposable {
  readonly url: string;
  readonly asked: readonly string[];
  /** A package of one module, whose `say()` gives the words; answers its line for a lock. */
  wheel(name: string, version: string, words: string): string;
}

const WHEEL = `
import sys, zipfile
target, name, version, words = sys.argv[1:]
info = f"{name}-{version}.dist-info"
with zipfile.ZipFile(target, "w") as wheel:
    wheel.writestr(f"{name}.py", f"def say():\\n    return {words!r}\\n")
    wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
    wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(f"{info}/entry_points.txt", f"[console_scripts]\\n{name} = {name}:say\\n")
    wheel.writestr(f"{info}/RECORD", f"{name}.py,,\\n{info}/METADATA,,\\n{info}/WHEEL,,\\n{info}/entry_points.txt,,\\n{info}/RECORD,,\\n")
`;

export async function packageIndex(directory: string): Promise<PackageIndex> {
  mkdirSync(directory, { recursive: true });
  const files = new Map<string, string>();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const url = request.url ?? "";
    asked.push(url);
    const [, project] = /^\/simple\/([^/]+)\/$/.exec(url) ?? [];
    const file = url.startsWith("/files/") ? files.get(url.slice("/files/".length)) : undefined;
    if (project !== undefined) {
      const own = [...files.keys()].filter((name) => name.startsWith(`${project}-`));
      response.setHeader("content-type", "text/html");
      response.end(`<!DOCTYPE html><html><body>${own.map((name) => `<a href="/files/${name}">${name}</a>`).join("")}`);
    } else if (file !== undefined) response.end(readFileSync(file));
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/simple/`,
    asked,
    wheel(name, version, words) {
      const file = `${name}-${version}-py3-none-any.whl`;
      const path = join(directory, file);
      execFileSync("python3", ["-c", WHEEL, path, name, version, words]);
      files.set(file, path);
      const hash = createHash("sha256").update(readFileSync(path)).digest("hex");
      return `${name}==${version} --hash=sha256:${hash}\n`;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
