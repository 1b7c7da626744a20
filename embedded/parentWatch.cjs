// Runs one server that knows nothing of Cairn (redis-server, mongod) and ends it when Cairn's process is gone.
// Cairn holds the other end of our standard input: however it dies, SIGKILL included, the pipe closes.
// Plain JavaScript, because it must run within a few milliseconds.
//
//   node parentWatch.cjs '{"pidFile": "...", "marks": ["..."], "folder": "..."}' <command> <arguments...>
"use strict";
const { spawn } = require("node:child_process");
const fs = require("node:fs");

const TERM_GRACE_MS = 5000;
const [record, command, ...args] = process.argv.slice(2);
const { pidFile, marks, folder } = JSON.parse(record);

const child = spawn(command, args, { cwd: folder, stdio: ["ignore", "inherit", "inherit"] });
if (child.pid !== undefined) {
  // For the next start: when this process is killed as well, the server goes on running and must be found.
  fs.writeFileSync(`${pidFile}.draft`, JSON.stringify({ pid: child.pid, watcherPid: process.pid, marks, folder }));
  fs.renameSync(`${pidFile}.draft`, pidFile);
}

let ending = false;
function end() {
  if (ending) return;
  ending = true;
  child.kill("SIGTERM");
  setTimeout(() => child.kill("SIGKILL"), TERM_GRACE_MS).unref();
}

child.on("error", (error) => {
  process.stderr.write(`${command} could not be run: ${error.message}\n`);
  process.exit(127);
});
child.on("exit", (code, signal) => {
  fs.rmSync(pidFile, { force: true });
  if (signal) process.stderr.write(`${command} was ended by ${signal}\n`);
  process.exit(code ?? 1);
});
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, end);
process.stdin.on("end", end).on("error", end).resume();
