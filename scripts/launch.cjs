// Runs one of Cairn's scripts on a machine that may have nothing but Node: checks Node's version, installs the
// dependencies when the lock file asks for it, compiles the contracts when they changed, then hands over.
// Where NODE_ENV is production, or a build has lost its development packages (npm prune --omit=dev), it installs and
// compiles nothing and runs the build. With --compile in a script's place it compiles them in any case and ends. Plain JavaScript without imports from
// node_modules, because those may not exist yet.
"use strict";
requireNode();
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const { artifactsAreCurrent, compile, typesAreCurrent } = require("./launch/contracts.cjs");
const { install, installIsDue, isPrunedBuild } = require("./launch/install.cjs");
const { withLock } = require("./launch/lock.cjs");
const { root, say } = require("./launch/run.cjs");

const local = (...parts) => path.join(root, ...parts);

/** These run or check the contracts themselves, as this machine's own compiler makes them. */
const NEEDS_ARTIFACTS = ["scripts/test.ts", "scripts/check.ts", "scripts/gas.ts"];

/** Installs and compiles what is due; one preparation at a time, for two must not both rewrite node_modules. */
async function prepare(script) {
  const renewTypes = () => script === "--compile" || !typesAreCurrent();
  const mustCompile = () => renewTypes() || (NEEDS_ARTIFACTS.includes(script) && !artifactsAreCurrent());
  if (!installIsDue() && !mustCompile()) return;
  await withLock(local(".cairn", "prepare.lock"), async () => {
    if (installIsDue()) await install();
    if (mustCompile()) await compile({ renewTypes: renewTypes() });
  });
}

/** Ends with an explanation where this file's own imports would end with a syntax error. */
function requireNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  process.stderr.write(
    `cairn: Node ${process.versions.node} is too old: install Node 20.19 or newer (https://nodejs.org) and run this again.\n`,
  );
  process.exit(1);
}

/** Whether the build runs instead of the sources. */
const runsBuild = () => process.env.NODE_ENV === "production" || isPrunedBuild();

/** Whether the build holds a script. */
const isInBuild = (script) => /^(?!scripts\/|--)|^scripts\/operate\//.test(script);

/** What runs the script: the sources, or in production the compiled file, without any development package. */
function commandOf(script) {
  if (!runsBuild() || !isInBuild(script)) return ["--require", "./scripts/typescript.cjs", local(script)];
  const compiled = local("dist", script.replace(/\.ts$/, ".js"));
  if (fs.existsSync(compiled)) return ["--enable-source-maps", compiled];
  say(`${path.relative(root, compiled)} is missing: run "npm ci && npm run build" before starting in production.`);
  process.exit(78);
}

/** The indexer makes garbage by the megabyte while it catches up; a young generation of half the usual size holds it. */
const NODE_OPTIONS_OF = { "indexer/main.ts": ["--max-semi-space-size=8"] };

const PRINTING = ["scripts/dev/main.ts", "scripts/demo/main.ts"];

function handOver(script, args) {
  const stdio = ["inherit", "inherit", "inherit", "ipc"];
  const options = NODE_OPTIONS_OF[script] ?? [];
  const child = spawn(process.execPath, [...options, ...commandOf(script), ...args], { cwd: root, stdio });
  // Loading takes a second, on a busy machine more; npm start and npm run demo send a message before they print.
  const loading = PRINTING.includes(script) ? setInterval(() => say("loading"), 1400) : undefined;
  child.once("message", () => clearInterval(loading));
  const stop = (signal) => child.kill(signal);
  // At a terminal Ctrl-C reaches the script as well as us; elsewhere it must be passed on.
  process.on("SIGINT", () => process.stdin.isTTY || stop("SIGINT"));
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => stop(signal));
  // Our parent was killed, so nobody is left who could end us.
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || stop("SIGTERM"), 1000).unref();
  child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)));
}

async function main() {
  const [script, ...args] = process.argv.slice(2);
  if (isPrunedBuild() && !isInBuild(script)) {
    say(`${script} needs the development packages, which are pruned here: run "npm ci" first.`);
    process.exit(78);
  }
  if (!runsBuild()) await prepare(script);
  if (script !== "--compile") handOver(script, args);
}

void main();
