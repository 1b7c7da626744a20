import { execFileSync } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** What identifies a process: its id alone may be given to another one later. */
export interface ProcessRecord {
  pid: number;
  /** Texts that all occur in its command line. */
  marks: string[];
  /** The folder it works in. */
  folder: string;
}

/** Whether a process runs. A zombie, whose parent has not collected it yet, counts as ended. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  if (process.platform === "linux") return !["Z", "X"].includes(statField(pid, 0) ?? "X");
  return !(ps(pid, "stat") ?? "Z").startsWith("Z");
}

/** The command line of a process, its arguments joined by spaces; null when it does not run or may not be read. */
export function commandLine(pid: number): string | null {
  if (process.platform !== "linux") return ps(pid, "command");
  return readOrNull(() => readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").join(" ").trim());
}

/** A text that stays the same while a process runs and differs for a later one with the same id. */
export function startMark(pid: number): string | null {
  if (process.platform !== "linux") return ps(pid, "lstart");
  const boot = readOrNull(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
  const ticks = statField(pid, 19);
  return ticks === null ? null : `${boot ?? "boot"}:${ticks}`;
}

/** Whether the recorded process still runs, by its command line and working folder. */
export function isSameProcess(record: ProcessRecord): boolean {
  if (!isAlive(record.pid)) return false;
  const command = commandLine(record.pid);
  if (command === null || !record.marks.every((mark) => command.includes(mark))) return false;
  const folder = workingFolder(record.pid);
  return folder === null || folder === record.folder;
}

/**
 * Ends a process and waits until it has ended: waits `graceMs`, sends SIGTERM, waits `terminateMs`, sends SIGKILL.
 * Checks {@link isSameProcess} before every signal, so that no other process gets one.
 */
export async function endProcess(
  record: ProcessRecord,
  options: { graceMs: number; terminateMs: number },
): Promise<void> {
  if (await isGone(record, options.graceMs)) return;
  signal(record, "SIGTERM");
  if (await isGone(record, options.terminateMs)) return;
  signal(record, "SIGKILL");
  if (!(await isGone(record, 5_000))) {
    throw new Error(`Process ${record.pid} (${record.marks.join(" ")}) does not end; end it by hand.`);
  }
}

function signal(record: ProcessRecord, name: NodeJS.Signals): void {
  if (!isSameProcess(record)) return;
  try {
    process.kill(record.pid, name);
  } catch (error) {
    // It ended between the check and the signal.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function isGone(record: ProcessRecord, withinMs: number): Promise<boolean> {
  const until = Date.now() + withinMs;
  while (isSameProcess(record)) {
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

/** A field of /proc/<pid>/stat, counted from the state (0). The command's name before it may hold spaces. */
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

/** Null when the process has ended or may not be read. */
function readOrNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
