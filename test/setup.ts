import fc from "fast-check";

/**
 * One seed for everybody, so that a red main is somebody's change and not somebody's luck;
 * SLUICE_SEED=random looks further, and prints the seed of what it finds.
 */
const seed = process.env["SLUICE_SEED"] ?? "20261124";
if (seed !== "random") fc.configureGlobal({ seed: Number(seed) });
