import { defineConfig } from "rolldown";

export default defineConfig([
  /** One bundle for the command line, chunked by dynamic import, and the launcher as a program of its own. */
  {
    input: { main: "src/main.ts", launcher: "src/launcher.ts" },
    platform: "node",
    external: ["koffi"],
    output: {
      dir: "dist",
      format: "esm",
      entryFileNames: "[name].js",
      chunkFileNames: "[name]-[hash].js",
      minify: "dce-only",
    },
  },
  /** The Action in one file: a runner installs nothing. */
  {
    input: { index: "action/main.ts" },
    platform: "node",
    output: {
      dir: "action/dist",
      format: "esm",
      entryFileNames: "[name].js",
      codeSplitting: false,
      minify: "dce-only",
    },
  },
]);
