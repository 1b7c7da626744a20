"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { root, run } = require("./run.cjs");

/** Whether node_modules differs from package-lock.json: npm keeps its own record of what it installed last. */
function installIsDue() {
  const record = path.join(root, "node_modules", ".package-lock.json");
  if (!fs.existsSync(record)) return true;
  const wanted = JSON.parse(fs.readFileSync(path.join(root, "package-lock.json"), "utf8")).packages;
  const installed = JSON.parse(fs.readFileSync(record, "utf8")).packages;
  return Object.entries(wanted).some(([name, { version, optional }]) => {
    if (name === "") return false;
    // Optional packages are native builds; those of other platforms are rightly absent.
    const present = installed[name];
    return present === undefined ? !optional : present.version !== version;
  });
}

/**
 * Whether this is a build without development packages, as `npm prune --omit=dev` leaves it: what is missing is missing
 * on purpose.
 */
function isPrunedBuild() {
  return (
    fs.existsSync(path.join(root, "dist", "package.json")) &&
    fs.existsSync(path.join(root, "node_modules")) &&
    !fs.existsSync(path.join(root, "node_modules", "typescript", "package.json"))
  );
}

async function install() {
  const isWindows = process.platform === "win32";
  await run({
    name: "npm ci",
    doing: "installing dependencies (npm ci), about a minute",
    command: isWindows ? "npm.cmd" : "npm",
    args: ["ci", "--no-audit", "--no-fund", "--no-progress", "--loglevel=error"],
    shell: isWindows,
  });
}

module.exports = { installIsDue, isPrunedBuild, install };
