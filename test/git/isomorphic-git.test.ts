import { describe } from "vitest";

import { gitContract } from "../contract/git.ts";

describe("isomorphic-git", () => {
  gitContract("isomorphic");
});
