// The contracts' ABIs, bytecode and TypeScript types are committed in typechain-types/, so that a fresh clone starts
// without compiling; artifacts/ is what Hardhat makes on this machine, for the contracts' own tests. Both carry the hash
// of the sources they were made from. docs/decisions/0008-committed-contract-types.md says why.
"use strict";
const { createHash } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const { root, run, say } = require("./run.cjs");

const local = (...parts) => path.join(root, ...parts);
const COMMITTED = local("typechain-types");
const COMPILED = local("artifacts");
/** Where hardhat.config.ts lets TypeChain write. */
const GENERATED = local("cache", "typechain-types");
const HASH_FILE = "sources.sha256";
/** The packages that decide what comes out. */
const TOOLS =
  /(^|\/)node_modules\/(solc|@openzeppelin\/contracts|typechain(\/node_modules\/prettier)?|@typechain\/ethers-v6)$/;

/** SHA-256, in hex, of everything that decides what the compiler makes: sources, settings, the tools' versions. */
function sourcesHash() {
  const files = fs
    .readdirSync(local("contracts"), { recursive: true })
    .map((name) => String(name).replaceAll("\\", "/"))
    .filter((name) => name.endsWith(".sol") || name === "compiler.json");
  const { packages } = JSON.parse(fs.readFileSync(local("package-lock.json"), "utf8"));
  const tools = Object.keys(packages).filter((name) => TOOLS.test(name));
  const hash = createHash("sha256");
  for (const name of files.sort()) hash.update(`${name}\0${fs.readFileSync(local("contracts", name))}\0`);
  for (const name of tools.sort()) hash.update(`${name}\0${packages[name].version}\0`);
  return hash.digest("hex");
}

function hashIn(folder) {
  const file = path.join(folder, HASH_FILE);
  return fs.existsSync(file) ? fs.readFileSync(file, "utf8").trim() : null;
}

/** Whether the committed types were made from the contracts as they are. */
function typesAreCurrent() {
  return hashIn(COMMITTED) === sourcesHash();
}

/** Whether this machine's own compiler has run over the contracts as they are. */
function artifactsAreCurrent() {
  return hashIn(COMPILED) === sourcesHash();
}

/** Compiles everything anew into artifacts/ and cache/ and, on request, puts the types into typechain-types/. */
async function compile({ renewTypes }) {
  const hash = sourcesHash();
  for (const folder of [COMPILED, local("cache")]) fs.rmSync(folder, { recursive: true, force: true });
  await run({
    name: "hardhat compile",
    doing: "compiling the contracts, about half a minute",
    command: process.execPath,
    args: [local("node_modules/hardhat/internal/cli/bootstrap.js"), "compile", "--quiet", "--force"],
    env: { ...process.env, HARDHAT_DISABLE_TELEMETRY_PROMPT: "true", TS_NODE_TRANSPILE_ONLY: "true" },
  });
  fs.writeFileSync(path.join(COMPILED, HASH_FILE), `${hash}\n`);
  if (!renewTypes) return;
  fs.rmSync(COMMITTED, { recursive: true, force: true });
  fs.cpSync(GENERATED, COMMITTED, { recursive: true });
  fs.writeFileSync(path.join(COMMITTED, HASH_FILE), `${hash}\n`);
  say("typechain-types/ is made of the contracts as they are now: commit both together");
  if (!deployedCodeIsCurrent()) {
    say("chain/initCode.json, which npm run deploy sends, is of other contracts. This writes it anew:");
    say("UPDATE_INIT_CODE=1 npm test -- test/contracts/initCode.test.ts");
  }
}

/** Whether the committed code that creates the contracts is what this machine's compiler made. */
function deployedCodeIsCurrent() {
  const committed = JSON.parse(fs.readFileSync(local("chain", "initCode.json"), "utf8"));
  return Object.entries(committed).every(([name, initCode]) => {
    const artifact = path.join(COMPILED, folderOfSource(name), `${name}.sol`, `${name}.json`);
    return JSON.parse(fs.readFileSync(artifact, "utf8")).bytecode === initCode;
  });
}

/** The verifiers of keys are OpenZeppelin's. */
function folderOfSource(name) {
  return name.startsWith("ERC7913") ? "@openzeppelin/contracts/utils/cryptography/verifiers" : "contracts";
}

/** Files of typechain-types/ that are missing, too many or not, byte for byte, what this machine's compiler made. */
function differingTypes() {
  const committed = filesIn(COMMITTED).filter((name) => name !== HASH_FILE);
  const names = new Set([...committed, ...filesIn(GENERATED)]);
  const read = (folder, name) => {
    const file = path.join(folder, name);
    return fs.existsSync(file) ? fs.readFileSync(file, "utf8") : null;
  };
  return [...names].filter((name) => read(COMMITTED, name) !== read(GENERATED, name)).sort();
}

function filesIn(folder) {
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
}

module.exports = { typesAreCurrent, artifactsAreCurrent, compile, differingTypes };
