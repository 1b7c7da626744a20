import { randomInt, randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { BootError } from "../core/errors";
import { commandLine, isAlive, startMark } from "./processes";

interface LockRecord {
  pid: number;
  startMark: string | null;
  command: string;
  since: string;
}

/** An exclusive lock on a data folder; held until `release` is called or the process ends. */
export interface DataDirLock {
  release(): void;
}

const MAX_ATTEMPTS = 4;

/**
 * Locks a data folder for this process, so that two Cairns never write to the same files.
 *
 * Each process writes a lock file of its own before it reads the others': of two that come at once at least one sees
 * the other, so never both get the lock. A process that sees the lock file of a running one removes its own and, after
 * a pause of random length, tries again. The lock file of a process that was killed is removed.
 *
 * @throws BootError naming the process that uses the folder
 */
export async function lockDataDir(dataDir: string): Promise<DataDirLock> {
  const folder = join(resolve(dataDir), "locks");
  mkdirSync(folder, { recursive: true });
  for (let attempt = 1; ; attempt++) {
    const file = writeLockFile(folder);
    const other = findActiveLock(folder, file);
    if (other === null) return { release: () => rmSync(join(folder, file), { force: true }) };
    rmSync(join(folder, file), { force: true });
    if (attempt === MAX_ATTEMPTS) throw inUse(dataDir, other);
    await sleep(randomInt(30, 150));
  }
}

function writeLockFile(folder: string): string {
  const record: LockRecord = {
    pid: process.pid,
    startMark: startMark(process.pid),
    command: commandLine(process.pid) ?? process.argv.join(" "),
    since: new Date().toISOString(),
  };
  const file = `${process.pid}-${randomUUID()}.json`;
  // Written under another name and renamed, so that nobody reads half a record.
  const draft = join(folder, `${file}.draft`);
  writeFileSync(draft, JSON.stringify(record));
  renameSync(draft, join(folder, file));
  return file;
}

function findActiveLock(folder: string, own: string): LockRecord | null {
  for (const file of readdirSync(folder)) {
    if (file === own || !file.endsWith(".json")) continue;
    const record = readLockFile(join(folder, file));
    if (record === null) continue;
    if (isAlive(record.pid) && (record.startMark === null || record.startMark === startMark(record.pid))) return record;
    rmSync(join(folder, file), { force: true });
  }
  return null;
}

/** Null when the file was removed meanwhile. */
function readLockFile(path: string): LockRecord | null {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as LockRecord;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new Error(`${path} is not a lock file of Cairn; remove it if no Cairn is running.`, { cause: error });
  }
}

function inUse(dataDir: string, { pid, command, since }: LockRecord): BootError {
  return new BootError("local services", [
    {
      subject: dataDir,
      problem: `process ${pid} uses this data folder since ${since} (${command})`,
      fix: `end it first (Ctrl-C in its terminal, or kill ${pid}), or use another folder`,
    },
  ]);
}
