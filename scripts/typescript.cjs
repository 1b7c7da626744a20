// Runs TypeScript from its sources: `node --require ./scripts/typescript.cjs <file.ts>`. Every file is compiled
// once, by esbuild, and cached until it changes; types are not checked. Packages are left alone, which is what makes a
// process start in half the time a general loader needs: docs/decisions/0009-own-typescript-loader.md.
"use strict";
const { createHash } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");

const esbuildVersion = require("esbuild/package.json").version;
const cacheFolder = path.join(__dirname, "..", "node_modules", ".cache", "cairn-typescript");
const sha1 = (...parts) => createHash("sha1").update(parts.join("\0")).digest("hex");

function compile(source, file) {
  const { code } = require("esbuild").transformSync(source, {
    loader: "ts",
    format: "cjs",
    platform: "node",
    target: "node20",
    sourcefile: file,
    sourcemap: "inline",
    sourcesContent: false,
  });
  return code;
}

/** The compiled file, cached under its path; its first line says what it was made from. */
function compiled(file) {
  const source = fs.readFileSync(file, "utf8");
  const cachedFile = path.join(cacheFolder, `${sha1(file)}.js`);
  const mark = `// ${sha1(esbuildVersion, source)}\n`;
  try {
    const found = fs.readFileSync(cachedFile, "utf8");
    if (found.startsWith(mark)) return found.slice(mark.length);
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
  const code = compile(source, file);
  fs.mkdirSync(cacheFolder, { recursive: true });
  // Several processes may compile the same file at once: each puts a whole file in place.
  const draft = `${cachedFile}.${process.pid}`;
  fs.writeFileSync(draft, mark + code);
  fs.renameSync(draft, cachedFile);
  return code;
}

process.setSourceMapsEnabled(true);
require.extensions[".ts"] = (module, file) => module._compile(compiled(file), file);
