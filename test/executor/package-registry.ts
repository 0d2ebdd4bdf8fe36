import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A registry that npm asks over HTTP for tarballs that are made here; `asked` are the paths of all requests. */
export interface PackageRegistry extends AsyncDisposable {
  readonly url: string;
  readonly asked: readonly string[];
  /** What those who asked said that they may. */
  readonly tokens: readonly string[];
  /** Publishes a package of these files; answers its entry in a lock, as npm writes it for npmjs.org. */
  publish(name: string, version: string, files: Readonly<Record<string, string>>): LockEntry;
}

export interface LockEntry {
  readonly version: string;
  readonly resolved: string;
  readonly integrity: string;
}

export async function packageRegistry(): Promise<PackageRegistry> {
  const directory = mkdtempSync(join(tmpdir(), "sluice-registry-"));
  const tarballs = new Map<string, string>();
  const asked: string[] = [];
  const tokens: string[] = [];
  const server = createServer((request, response) => {
    const url = request.url ?? "";
    asked.push(url);
    tokens.push(request.headers.authorization ?? "");
    const tarball = tarballs.get(url);
    if (tarball !== undefined) response.end(readFileSync(tarball));
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    asked,
    tokens,
    publish(name, version, files) {
      const file = `${name}-${version}.tgz`;
      const root = join(directory, `${name}-${version}`);
      for (const [path, text] of Object.entries(files)) {
        const at = join(root, "package", path);
        mkdirSync(dirname(at), { recursive: true });
        writeFileSync(at, text, { mode: 0o755 });
      }
      execFileSync("tar", ["-czf", join(directory, file), "-C", root, "package"]);
      tarballs.set(`/${name}/-/${file}`, join(directory, file));
      const hash = createHash("sha512")
        .update(readFileSync(join(directory, file)))
        .digest("base64");
      return { version, resolved: `https://registry.npmjs.org/${name}/-/${file}`, integrity: `sha512-${hash}` };
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
