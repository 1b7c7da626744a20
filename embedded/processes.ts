import { execFileSync } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** What tells one process from a stranger that was given the same number later. */
export interface ProcessRecord {
  pid: number;
  /** Texts that all occur in its command line. */
  marks: string[];
  /** The folder it works in. */
  folder: string;
}

/** Whether a process runs. One that ended and only waits to be collected by its parent counts as ended. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  if (process.platform === "linux") return !["Z", "X"].includes(statField(pid, 0) ?? "X");
  return !(ps(pid, "stat") ?? "Z").startsWith("Z");
}

/** The command line of a process, its words joined by blanks; null when it does not run or may not be read. */
export function commandLine(pid: number): string | null {
  if (process.platform !== "linux") return ps(pid, "command");
  return readOrNull(() => readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").join(" ").trim());
}

/** A text that stays the same while a process runs and differs for a later one with the same number. */
export function startMark(pid: number): string | null {
  if (process.platform !== "linux") return ps(pid, "lstart");
  const boot = readOrNull(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
  const ticks = statField(pid, 19);
  return ticks === null ? null : `${boot ?? "boot"}:${ticks}`;
}

/** Whether the recorded process still runs and is ours, judged by its command line and the folder it works in. */
export function isStillOurs(record: ProcessRecord): boolean {
  if (!isAlive(record.pid)) return false;
  const command = commandLine(record.pid);
  if (command === null || !record.marks.every((mark) => command.includes(mark))) return false;
  const folder = workingFolder(record.pid);
  return folder === null || folder === record.folder;
}

/**
 * Ends a process of ours and waits until it is gone: gives it `ownWayMs` to leave by itself, then asks (SIGTERM), then
 * kills it. Asks {@link isStillOurs} before every signal, so a stranger is never hit.
 */
export async function endOurs(record: ProcessRecord, options: { ownWayMs: number; askMs: number }): Promise<void> {
  if (await isGone(record, options.ownWayMs)) return;
  signal(record, "SIGTERM");
  if (await isGone(record, options.askMs)) return;
  signal(record, "SIGKILL");
  if (!(await isGone(record, 5_000))) {
    throw new Error(`Process ${record.pid} (${record.marks.join(" ")}) does not end; end it by hand.`);
  }
}

function signal(record: ProcessRecord, name: NodeJS.Signals): void {
  if (!isStillOurs(record)) return;
  try {
    process.kill(record.pid, name);
  } catch (error) {
    // It ended between the question and the signal.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function isGone(record: ProcessRecord, withinMs: number): Promise<boolean> {
  const until = Date.now() + withinMs;
  while (isStillOurs(record)) {
    if (Date.now() >= until) return false;
    await sleep(20);
  }
  return true;
}

function workingFolder(pid: number): string | null {
  if (process.platform === "linux") return readOrNull(() => readlinkSync(`/proc/${pid}/cwd`));
  const listed = run("lsof", ["-a", "-d", "cwd", "-p", String(pid), "-Fn"]);
  return /^n(.+)$/m.exec(listed ?? "")?.[1] ?? null;
}

/** A field of /proc/<pid>/stat, counted from the state (0). The command's name before it may hold blanks. */
function statField(pid: number, index: number): string | null {
  return readOrNull(() => {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[index] ?? null;
  });
}

function ps(pid: number, column: string): string | null {
  const text = run("ps", ["-o", `${column}=`, "-p", String(pid)])?.trim();
  return text === undefined || text === "" ? null : text;
}

function run(command: string, args: string[]): string | null {
  return readOrNull(() => execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
}

/** Null when the process is gone or hidden from us: both mean that nothing is known of it. */
function readOrNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
