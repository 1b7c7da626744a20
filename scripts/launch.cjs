// Runs one of Cairn's scripts on a machine that may have nothing but Node: checks Node's version, installs the
// dependencies when the lock file asks for it, compiles the contracts when they changed, then hands over.
// Plain JavaScript without imports from node_modules, because those may not exist yet.
"use strict";
const { spawn, spawnSync } = require("node:child_process");
const { createHash } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");

const root = path.join(__dirname, "..");
const local = (...parts) => path.join(root, ...parts);
const say = (line) => process.stderr.write(`cairn: ${line}\n`);

function requireNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  say(`Node ${process.versions.node} is too old: install Node 20.19 or newer (https://nodejs.org) and run this again.`);
  process.exit(1);
}

/** Whether node_modules differs from package-lock.json: npm keeps its own record of what it installed last. */
function installIsDue() {
  const record = local("node_modules", ".package-lock.json");
  if (!fs.existsSync(record)) return true;
  const wanted = JSON.parse(fs.readFileSync(local("package-lock.json"), "utf8")).packages;
  const installed = JSON.parse(fs.readFileSync(record, "utf8")).packages;
  return Object.entries(wanted).some(([name, { version, optional }]) => {
    if (name === "") return false;
    // Optional packages are native builds; those of other platforms are rightly absent.
    const present = installed[name];
    return present === undefined ? !optional : present.version !== version;
  });
}

function contractsFingerprint() {
  const files = fs
    .readdirSync(local("contracts"), { recursive: true })
    .map((name) => path.join("contracts", String(name)))
    .filter((name) => name.endsWith(".sol"));
  const hash = createHash("sha256");
  for (const name of [...files.sort(), "hardhat.config.ts", "package-lock.json"]) {
    hash
      .update(name)
      .update("\0")
      .update(fs.readFileSync(local(name)))
      .update("\0");
  }
  return hash.digest("hex");
}

function run(what, command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2], ...options });
  if (result.status !== 0) {
    say(`${what} failed${result.error ? `: ${result.error.message}` : ""}; its output is above.`);
    process.exit(1);
  }
}

function install() {
  say("installing dependencies (npm ci), about a minute the first time");
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  run("npm ci", npm, ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { shell: process.platform === "win32" });
}

function compile(fingerprint, stamp) {
  say("compiling the contracts");
  // Hardhat generates types only for what it compiles: where they are gone, it must compile everything.
  const force = fs.existsSync(local("typechain-types/index.ts")) ? [] : ["--force"];
  const env = { ...process.env, HARDHAT_DISABLE_TELEMETRY_PROMPT: "true", TS_NODE_TRANSPILE_ONLY: "true" };
  run(
    "hardhat compile",
    process.execPath,
    [local("node_modules/hardhat/internal/cli/bootstrap.js"), "compile", "--quiet", ...force],
    { env },
  );
  fs.mkdirSync(path.dirname(stamp), { recursive: true });
  fs.writeFileSync(stamp, fingerprint);
}

/** One preparation at a time: two commands started together must not both rewrite node_modules. */
function withLock(work) {
  const lock = local(".cairn", "prepare.lock");
  fs.mkdirSync(local(".cairn"), { recursive: true });
  for (let waited = false; ; waited = true) {
    try {
      fs.writeFileSync(lock, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    const holder = Number(fs.existsSync(lock) ? fs.readFileSync(lock, "utf8") : NaN);
    if (holder > 0 && !isAlive(holder)) {
      fs.rmSync(lock, { force: true });
      continue;
    }
    if (!waited) say(`waiting for process ${holder}, which is preparing this folder`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
  }
  const release = () => fs.rmSync(lock, { force: true });
  process.once("exit", release);
  try {
    work();
  } finally {
    process.removeListener("exit", release);
    release();
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

function prepare() {
  const stamp = local(".cairn", "contracts.sha256");
  const compiledAs = () =>
    fs.existsSync(stamp) && fs.existsSync(local("typechain-types/index.ts")) ? fs.readFileSync(stamp, "utf8") : "";
  if (!installIsDue() && compiledAs() === contractsFingerprint()) return;
  withLock(() => {
    if (installIsDue()) install();
    const fingerprint = contractsFingerprint();
    if (compiledAs() !== fingerprint) compile(fingerprint, stamp);
  });
}

/** What runs the script: tsx from the sources, or in production the compiled file, without any development package. */
function commandOf(script) {
  if (
    process.env.NODE_ENV !== "production" ||
    (script.startsWith("scripts/") === true && script !== "scripts/deploy.ts")
  ) {
    return ["--import", "tsx", local(script)];
  }
  const compiled = local("dist", script.replace(/\.ts$/, ".js"));
  if (fs.existsSync(compiled)) return ["--enable-source-maps", compiled];
  say(`${path.relative(root, compiled)} is missing: run "npm ci && npm run build" before starting in production.`);
  process.exit(78);
}

/** The indexer makes garbage by the megabyte while it catches up; a young generation of half the usual size holds it. */
const NODE_OPTIONS_OF = { "indexer/main.ts": ["--max-semi-space-size=8"] };

function handOver([script, ...args]) {
  const stdio = ["inherit", "inherit", "inherit", "ipc"];
  const options = NODE_OPTIONS_OF[script] ?? [];
  const child = spawn(process.execPath, [...options, ...commandOf(script), ...args], { cwd: root, stdio });
  const stop = (signal) => child.kill(signal);
  // At a terminal Ctrl-C reaches the script as well as us; elsewhere it must be passed on.
  process.on("SIGINT", () => process.stdin.isTTY || stop("SIGINT"));
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => stop(signal));
  // Whoever started us was killed and could not say so: nobody is left who could end us.
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || stop("SIGTERM"), 1000).unref();
  child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)));
}

requireNode();
if (process.env.NODE_ENV !== "production") prepare();
handOver(process.argv.slice(2));
