import { expect, test } from "vitest";

import { parseRemoteAddress } from "../../src/identity/remote-address.ts";

test.each([
  ["https://github.com/acme/digits.git", "https://github.com", "acme/digits", true],
  ["https://ada:secret@github.com/acme/digits", "https://github.com", "acme/digits", true],
  ["https://GHE.example.org:8443/acme/digits.git/", "https://ghe.example.org:8443", "acme/digits", true],
  ["http://127.0.0.1:4000/acme/digits.git", "http://127.0.0.1:4000", "acme/digits", true],
  ["git@github.com:acme/digits.git", "https://github.com", "acme/digits", false],
  ["github.com:acme/dig.its", "https://github.com", "acme/dig.its", false],
  ["git@GitHub.com:/acme/digits.git", "https://github.com", "acme/digits", false],
  ["https://github.com/acme/acme.github.io", "https://github.com", "acme/acme.github.io", true],
  ["https://github.com//acme/.github//", "https://github.com", "acme/.github", true],
  ["ssh://git@ssh.github.com:443/acme/digits.git", "https://github.com", "acme/digits", false],
  ["ssh://git@ghe.example.org:2222/acme/digits.git", "https://ghe.example.org", "acme/digits", false],
])("%s is on a forge", (url, web, fullName, http) => {
  expect(parseRemoteAddress(url)).toEqual({ web, host: new URL(web).host, fullName, http });
});

test.each([
  "/srv/git/digits.git",
  "../digits",
  "file:///srv/git/acme/digits.git",
  "./git@github.com:acme/digits",
  "C:\\git\\digits",
  "svn+ssh://github.com/acme/digits",
  "https://[github.com/acme/digits",
  "https://github.com/acme",
  "https://github.com/acme/digits/issues",
  "https://github.com/../digits",
  "github.com:../digits",
  "github.com:acme/digits\nmore",
  "https://github.com/acme/dig%20its",
  "ext::sh -c true",
  "",
])("%j is not", (url) => {
  expect(parseRemoteAddress(url)).toBeUndefined();
});
