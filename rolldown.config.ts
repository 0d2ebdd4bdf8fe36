import { defineConfig } from "rolldown";

/** One bundle for the command line, chunked by dynamic import, and the launcher as a program of its own. */
export default defineConfig({
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
});
