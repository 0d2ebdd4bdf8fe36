import type { LedgerCommit } from "./git.ts";

/** A commit's headers and message as both adapters write them, so that equal orders have equal ids. */
export function ledgerCommit({ author, message }: LedgerCommit): {
  readonly name: string;
  readonly email: string;
  readonly message: string;
} {
  const body = message
    .replace(/[\r\0]/g, "")
    .replace(/^\n+/, "")
    .replace(/\n+$/, "");
  return { name: plain(author.name), email: plain(author.email), message: `${body}\n` };
}

/** Names and addresses must not end the line they stand in. */
function plain(text: string): string {
  return text.replace(/[<>\n\r\0]/g, "").trim() || "unknown";
}
