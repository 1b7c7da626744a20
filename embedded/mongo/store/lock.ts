import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

/** Raised when another live server holds the data folder. */
export class FolderInUseError extends Error {
  override readonly name = "FolderInUseError";
}

interface Owner {
  pid: number;
  /** When that process started, as the system counts it: a process id alone may have passed to another program. */
  startedAt: string | null;
}

/**
 * Takes the data folder for this process; the answer gives it back. A lock whose process is gone is taken over.
 *
 * @throws FolderInUseError naming the process that holds it.
 */
export function lockFolder(folder: string): () => void {
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, "lock");
  const mine = `${file}.${process.pid}`;
  const content = JSON.stringify({ pid: process.pid, startedAt: startOf(process.pid) } satisfies Owner);
  writeFileSync(mine, content);
  try {
    for (let attempt = 0; attempt < 5; attempt++) {
      if (linked(mine, file)) return () => release(file, content);
      const holder = read(file);
      if (holder !== undefined && isAlive(holder)) {
        const { pid } = JSON.parse(holder) as Owner;
        throw new FolderInUseError(
          `${folder} is in use by process ${pid}. Stop it, or give this server another --data folder.`,
        );
      }
      if (holder !== undefined) removeStale(file, holder);
    }
    throw new FolderInUseError(`${folder} is contended by several starting servers. Start only one.`);
  } finally {
    rmSync(mine, { force: true });
  }
}

/** A hard link is created whole or not at all: nobody ever reads a half-written lock. */
function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Moves the stale lock aside before deleting it, and puts it back if it turns out to be somebody's new one. */
function removeStale(file: string, expected: string): void {
  const aside = `${file}.stale.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  if (read(aside) !== expected) linked(aside, file);
  rmSync(aside, { force: true });
}

function release(file: string, content: string): void {
  if (read(file) === content) rmSync(file, { force: true });
}

function isAlive(holder: string): boolean {
  let owner: Owner;
  try {
    owner = JSON.parse(holder) as Owner;
    process.kill(owner.pid, 0);
  } catch (error) {
    // EPERM: the process exists and belongs to somebody else. Anything else: it is gone, or the lock is unreadable.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
    owner = JSON.parse(holder) as Owner;
  }
  const startedAt = startOf(owner.pid);
  if (startedAt === DEAD) return false;
  return owner.startedAt === null || startedAt === null || startedAt === owner.startedAt;
}

const DEAD = "dead";

/** When a process started, in clock ticks since boot (field 22 of /proc/<pid>/stat); null where the system has no /proc. */
function startOf(pid: number): string | null {
  const stat = read(`/proc/${pid}/stat`);
  // The second field is the program's name in parentheses and may hold spaces.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  // Killed but not yet waited for by its parent: it holds nothing any more.
  if (fields?.[0] === "Z") return DEAD;
  return fields?.[19] ?? null;
}
