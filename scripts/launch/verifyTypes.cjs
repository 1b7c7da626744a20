// Fails when typechain-types/ is not what this machine's compiler makes of contracts/, or when the contracts were
// committed without it.
"use strict";
const { spawnSync } = require("node:child_process");
const { artifactsAreCurrent, differingTypes, typesAreCurrent } = require("./contracts.cjs");
const { root } = require("./run.cjs");

/** What git sees changed below a path; null outside a repository. */
function changes(...paths) {
  const { status, stdout } = spawnSync("git", ["status", "--porcelain", "--", ...paths], {
    cwd: root,
    encoding: "utf8",
  });
  return status === 0 ? stdout.split("\n").filter((line) => line !== "") : null;
}

function problems() {
  if (!artifactsAreCurrent()) return ["the contracts were not compiled here as they are: run npm run compile"];
  if (!typesAreCurrent()) return ["typechain-types/ was made from other contracts: run npm run compile"];
  const differing = differingTypes().map((name) => `typechain-types/${name} is not what the compiler makes`);
  if (differing.length > 0) return [...differing, "run npm run compile"];
  // Compiling renews the types; where the contracts are those of the last commit, its types must have been theirs.
  const contractsChanged = changes("contracts", "package-lock.json")?.length !== 0;
  const typesChanged = changes("typechain-types") ?? [];
  if (contractsChanged || typesChanged.length === 0) return [];
  return ["contracts/ is committed, what was made of it is not: commit typechain-types/", ...typesChanged];
}

const found = problems();
process.stdout.write(found.map((line) => `${line}\n`).join(""));
process.exitCode = found.length === 0 ? 0 : 1;
