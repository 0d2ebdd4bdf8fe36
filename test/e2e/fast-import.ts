import { git } from "../../src/twin/bare.ts";
import type { TwinForge } from "../../src/twin/forge.ts";
import type { TwinPullRequest, TwinRepository } from "../../src/twin/world.ts";

/** A file of a commit; a link's content is where it points to. */
export interface Entry {
  readonly path: string;
  readonly content: string | Uint8Array;
  readonly link?: boolean;
}

/** Opens a pull request of one commit with these files: thousands of them, links, and bytes that are no text. */
export async function pullOf(
  forge: TwinForge,
  repository: TwinRepository,
  order: {
    readonly branch: string;
    readonly entries: readonly Entry[];
    readonly message?: string;
    readonly title?: string;
  },
): Promise<TwinPullRequest> {
  const { branch, entries, message = branch, title = branch } = order;
  await forge.watching(repository, "alice", () =>
    git(repository.directory, ["fast-import", "--quiet"], stream(branch, message, entries)),
  );
  return forge.openPull(repository, { branch, title, login: "alice" });
}

function stream(branch: string, message: string, entries: readonly Entry[]): Uint8Array {
  const parts: Buffer[] = [];
  const data = (content: string | Uint8Array): void => {
    const bytes = Buffer.from(content as string);
    parts.push(Buffer.from(`data ${bytes.length}\n`), bytes, Buffer.from("\n"));
  };
  parts.push(Buffer.from(`commit refs/heads/${branch}\ncommitter alice <alice@twin.example> 1700000000 +0000\n`));
  data(message);
  parts.push(Buffer.from("from refs/heads/main\n"));
  for (const { path, content, link } of entries) {
    // Quoted as C does it, which for these names is as JSON does it.
    parts.push(Buffer.from(`M ${link === true ? "120000" : "100644"} inline ${JSON.stringify(path)}\n`));
    data(content);
  }
  return Buffer.concat(parts);
}
