/** Whether there is time for what takes minutes and is held at a lower floor too: `npm run nightly` says so. */
export const NIGHTLY = process.env["SLUICE_NIGHTLY"] === "1";

/** What the name of a test ends with that waits for the night. */
export const AT_NIGHT = NIGHTLY ? "" : " (skipped: it takes long; npm run nightly)";
