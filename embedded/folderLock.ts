import { randomInt, randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { BootError } from "../core/errors";
import { commandLine, isAlive, startMark } from "./processes";

interface Claim {
  pid: number;
  startMark: string | null;
  command: string;
  since: string;
}

/** The right to use a data folder; nobody else has it until `release` is called or the process ends. */
export interface DataDirLock {
  release(): void;
}

const ATTEMPTS = 4;

/**
 * Claims a data folder for this process, so that two Cairns never write to the same files.
 *
 * Each claim is a file of its own, published before the others are read: of two that come at once at least one sees the
 * other, so both never pass. Whoever sees a living claim withdraws and, after a pause of random length, tries again.
 * A claim whose process was killed is void and is swept away.
 *
 * @throws BootError naming the process that uses the folder
 */
export async function lockDataDir(dataDir: string): Promise<DataDirLock> {
  const folder = join(resolve(dataDir), "claims");
  mkdirSync(folder, { recursive: true });
  for (let attempt = 1; ; attempt++) {
    const file = publish(folder);
    const other = livingClaim(folder, file);
    if (other === null) return { release: () => rmSync(join(folder, file), { force: true }) };
    rmSync(join(folder, file), { force: true });
    if (attempt === ATTEMPTS) throw inUse(dataDir, other);
    await sleep(randomInt(30, 150));
  }
}

function publish(folder: string): string {
  const claim: Claim = {
    pid: process.pid,
    startMark: startMark(process.pid),
    command: commandLine(process.pid) ?? process.argv.join(" "),
    since: new Date().toISOString(),
  };
  const file = `${process.pid}-${randomUUID()}.json`;
  // Written aside and renamed, so that nobody reads half a claim.
  const draft = join(folder, `${file}.draft`);
  writeFileSync(draft, JSON.stringify(claim));
  renameSync(draft, join(folder, file));
  return file;
}

function livingClaim(folder: string, own: string): Claim | null {
  for (const file of readdirSync(folder)) {
    if (file === own || !file.endsWith(".json")) continue;
    const claim = readClaim(join(folder, file));
    if (claim === null) continue;
    if (isAlive(claim.pid) && (claim.startMark === null || claim.startMark === startMark(claim.pid))) return claim;
    rmSync(join(folder, file), { force: true });
  }
  return null;
}

/** Null when the claim was withdrawn while we looked. */
function readClaim(path: string): Claim | null {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Claim;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new Error(`${path} is not a claim of Cairn's; remove it if no Cairn is running.`, { cause: error });
  }
}

function inUse(dataDir: string, { pid, command, since }: Claim): BootError {
  return new BootError("local services", [
    {
      subject: dataDir,
      problem: `process ${pid} uses this data folder since ${since} (${command})`,
      fix: `end it first (Ctrl-C in its terminal, or kill ${pid}), or use another folder`,
    },
  ]);
}
