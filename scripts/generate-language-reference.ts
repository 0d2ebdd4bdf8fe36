import { writeFileSync } from "node:fs";

import { languageReference } from "./language-reference.ts";

/** Writes docs/language.md from the schemas; a test compares. */
writeFileSync("docs/language.md", languageReference());
