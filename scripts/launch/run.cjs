"use strict";
const { spawn } = require("node:child_process");
const path = require("node:path");

const root = path.join(__dirname, "..", "..");
const atTerminal = process.stderr.isTTY === true;
/** A log gets a line whenever this much time has passed; at a terminal one line is rewritten every second. */
const REPORT_EVERY_MS = atTerminal ? 1000 : 1800;

function say(line) {
  process.stderr.write(`cairn: ${line}\n`);
}

/**
 * Says what is being done, and for how long already, until the returned object's `end` is called. `write` puts other
 * output between.
 */
function reportProgress(doing) {
  const startedAt = Date.now();
  const seconds = () => `${Math.round((Date.now() - startedAt) / 1000)} s`;
  const report = () =>
    process.stderr.write(atTerminal ? `\rcairn: ${doing} (${seconds()})` : `cairn: ... ${seconds()}\n`);
  process.stderr.write(atTerminal ? `cairn: ${doing}` : `cairn: ${doing}\n`);
  const timer = setInterval(report, REPORT_EVERY_MS);
  return {
    write(chunk) {
      process.stderr.write(atTerminal ? "\r\u001b[K" : "");
      process.stderr.write(chunk);
    },
    end() {
      clearInterval(timer);
      process.stderr.write(
        atTerminal ? `\r\u001b[Kcairn: ${doing} (${seconds()})\n` : `cairn: done after ${seconds()}\n`,
      );
    },
  };
}

/**
 * Runs a command in the repository's root, saying every two seconds at most that it still runs; ends this process when
 * the command fails.
 */
async function run({ name, doing, command, args, ...options }) {
  const progress = reportProgress(doing);
  const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"], ...options });
  const stop = () => {
    child.kill();
    process.exit(130);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, stop);
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => progress.write(chunk));
  const problem = await new Promise((resolve) => {
    child.once("error", (error) => resolve(`: ${error.message}`));
    child.once("close", (code) => resolve(code === 0 ? null : "; its output is above"));
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.off(signal, stop);
  progress.end();
  if (problem === null) return;
  say(`${name} failed${problem}.`);
  process.exit(1);
}

module.exports = { root, say, reportProgress, run };
