import { build, type Plugin, transform } from "esbuild";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const ROOT = resolve(__dirname, "..", "..");

/** With binaries, or files beside their code: these are loaded from where they are installed. */
const LEFT_OUT = ["@node-rs/argon2", "secp256k1", "swagger-ui-dist", "msgpackr-extract"];

/** What the MongoDB driver takes when it is installed. */
const OPTIONAL = [
  "@aws-sdk/credential-providers",
  "@mongodb-js/zstd",
  "aws4",
  "gcp-metadata",
  "kerberos",
  "mongodb-client-encryption",
  "snappy",
  "socks",
];

/**
 * The arguments with which `process.execPath` runs a script of the project from one file that has all its modules in it.
 * The suite starts some hundred processes to kill them: each is ready with a third of the processor time that finding
 * and compiling a thousand modules takes. The modules are the same, compiled in the same way. The file is made once a
 * run of the suite, when a test first asks for it, in the folder that test/support/environment.ts removes at the end.
 *
 * @param script From the project's root
 */
export async function bundledScript(script: string): Promise<string[]> {
  const bundle = bundles.get(script) ?? makeBundle(script);
  bundles.set(script, bundle);
  return ["./test/support/runBundle.cjs", await bundle];
}

const bundles = new Map<string, Promise<string>>();

async function makeBundle(script: string): Promise<string> {
  const folder = process.env["CAIRN_TEST_BUNDLES"];
  if (folder === undefined) throw new Error("CAIRN_TEST_BUNDLES is not set: run tests with npm test");
  const file = join(folder, `${script.replaceAll("/", "-")}.js`);
  if (existsSync(file)) return file;
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: [script],
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    external: [...LEFT_OUT, ...OPTIONAL],
    plugins: [ourSources],
    write: false,
    logLevel: "silent",
  });
  // Files side by side may make the same bundle: each puts a whole one in place.
  const draft = `${file}.${process.pid}`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(draft, outputFiles[0]?.contents ?? "");
  renameSync(draft, file);
  return file;
}

/** Compiles our files as scripts/typescript.cjs does; each still knows the folder in which it lies. */
const ourSources: Plugin = {
  name: "our-sources",
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const { code } = await transform(readFileSync(path, "utf8"), {
        loader: "ts",
        format: "cjs",
        platform: "node",
        target: "node20",
        sourcefile: path,
      });
      const place = `var __filename = ${JSON.stringify(path)}, __dirname = ${JSON.stringify(dirname(path))};`;
      return { contents: `${place}${code}`, loader: "js" };
    });
  },
};
