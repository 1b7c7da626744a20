import { spawnSync } from "node:child_process";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";

/**
 * Compiles what production runs into `dist/`, or the folder that is given; afterwards `npm prune --omit=dev` leaves all
 * it needs.
 */
const dist = process.argv[2] ?? "dist";
rmSync(dist, { recursive: true, force: true });
const compile = ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json", "--outDir", dist];
const { status } = spawnSync(process.execPath, compile, { stdio: "inherit" });
// What lies beside the code and is read at run time: word lists, pages, the contracts' code.
for (const folder of ["core", "chain", "indexer", "api", "gateway"]) {
  cpSync(folder, join(dist, folder), { recursive: true, filter: (source) => !source.endsWith(".ts") });
}
// The API reads its version from here.
cpSync("package.json", join(dist, "package.json"));
process.exitCode = status ?? 1;
