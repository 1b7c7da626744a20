"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { setTimeout: sleep } = require("node:timers/promises");
const { reportProgress } = require("./run.cjs");

/** Runs `work` while no other process holds the lock file; a lock whose process is gone does not count. */
async function withLock(lock, work) {
  fs.mkdirSync(path.dirname(lock), { recursive: true });
  await acquire(lock);
  const release = () => fs.rmSync(lock, { force: true });
  process.once("exit", release);
  try {
    await work();
  } finally {
    process.off("exit", release);
    release();
  }
}

async function acquire(lock) {
  let waiting;
  try {
    while (!take(lock)) {
      const holder = holderOf(lock);
      if (holder > 0 && !isAlive(holder)) {
        fs.rmSync(lock, { force: true });
        continue;
      }
      waiting ??= reportProgress(`waiting for process ${holder}, which is preparing this folder`);
      await sleep(300);
    }
  } finally {
    waiting?.end();
  }
}

function take(lock) {
  try {
    fs.writeFileSync(lock, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}

/** NaN when the lock was released meanwhile, 0 when it is just being written. */
function holderOf(lock) {
  try {
    return Number(fs.readFileSync(lock, "utf8"));
  } catch {
    return NaN;
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

module.exports = { withLock };
