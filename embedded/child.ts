import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { endProcess, type ProcessRecord } from "./processes";

/** How a child ended, with the last lines it wrote. */
export interface ChildExit {
  code: number | null;
  signal: NodeJS.Signals | null;
  output: string[];
}

/** A child process that ends when its standard input closes: when we close it, and when we die. */
export interface Child {
  /** The process we spawned; for a server started by {@link startWithParentWatch} that is parentWatch.cjs. */
  pid: number;
  /** Settles when the process has ended. */
  exited: Promise<ChildExit>;
  hasExited(): boolean;
  /** The last lines it wrote, both streams together. */
  output(): string[];
  /** Calls back with every further line of standard output. */
  onLine(listener: (line: string) => void): void;
  /** Calls back with every further line of standard error. */
  onErrorLine(listener: (line: string) => void): void;
  /** Asks it to end and waits until it has; kills it after `graceMs`. */
  stop(graceMs?: number): Promise<void>;
}

export interface ChildOptions {
  /** Where its record is written, for {@link endOrphan}. */
  pidFile: string;
  record: Omit<ProcessRecord, "pid">;
  env: NodeJS.ProcessEnv;
}

const MAX_OUTPUT_LINES = 20;
const ROOT = join(__dirname, "..");
const LOADER = join(ROOT, "scripts", "typescript.cjs");

/** Starts a TypeScript file of ours, a path from the root, in a process of its own. */
export function startScript(script: string, args: string[], options: ChildOptions): Child {
  const command = ["--require", LOADER, join(ROOT, script), ...args];
  const child = spawnChild(command, ROOT, options.env);
  if (child.process.pid !== undefined) writeRecord(options.pidFile, { pid: child.process.pid, ...options.record });
  void child.handle.exited.then(() => rmSync(options.pidFile, { force: true }));
  return child.handle;
}

/** Starts a server that does not watch its standard input, under parentWatch.cjs, which ends it when we have ended. */
export function startWithParentWatch(command: string, args: string[], options: ChildOptions): Child {
  const record = JSON.stringify({ pidFile: options.pidFile, ...options.record });
  return spawnChild([join(__dirname, "parentWatch.cjs"), record, command, ...args], options.record.folder, options.env)
    .handle;
}

/** Ends a process that an earlier start left running because it, or parentWatch.cjs, was killed. */
export async function endOrphan(pidFile: string): Promise<void> {
  const record = readRecord(pidFile);
  if (record === null) return;
  await endProcess(record, { graceMs: 1_000, terminateMs: 5_000 });
  rmSync(pidFile, { force: true });
}

/** The recorded process; null when none is on record. */
export function readRecord(pidFile: string): ProcessRecord | null {
  try {
    return JSON.parse(readFileSync(pidFile, "utf8")) as ProcessRecord;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new Error(`${pidFile} does not hold a process record; remove it if nothing of Cairn runs.`, { cause: error });
  }
}

function writeRecord(pidFile: string, record: ProcessRecord): void {
  writeFileSync(`${pidFile}.draft`, JSON.stringify(record));
  renameSync(`${pidFile}.draft`, pidFile);
}

function spawnChild(args: string[], cwd: string, env: NodeJS.ProcessEnv): { process: ChildProcess; handle: Child } {
  // A process group of its own: Ctrl-C at the terminal must reach us alone, because we end our children in order.
  const child = spawn(process.execPath, args, { cwd, env, stdio: ["pipe", "pipe", "pipe"], detached: true });
  const lines: string[] = [];
  const listeners: ((line: string) => void)[] = [];
  const errorListeners: ((line: string) => void)[] = [];
  const addOutput = (line: string) => {
    lines.push(line);
    if (lines.length > MAX_OUTPUT_LINES) lines.shift();
  };
  createInterface({ input: child.stdout }).on("line", (line) => {
    addOutput(line);
    for (const listener of listeners) listener(line);
  });
  createInterface({ input: child.stderr }).on("line", (line) => {
    addOutput(line);
    for (const listener of errorListeners) listener(line);
  });
  // A child that is gone before we close its standard input is no error.
  child.stdin.on("error", () => undefined);

  let ended = false;
  const exited = new Promise<ChildExit>((resolve) => {
    child.once("error", (error) => addOutput(error.message));
    child.once("close", (code, signal) => {
      ended = true;
      resolve({ code, signal, output: [...lines] });
    });
  });
  const handle: Child = {
    pid: child.pid ?? -1,
    exited,
    hasExited: () => ended,
    output: () => [...lines],
    onLine: (listener) => listeners.push(listener),
    onErrorLine: (listener) => errorListeners.push(listener),
    async stop(graceMs = 8_000) {
      child.kill("SIGTERM");
      child.stdin.end();
      const timeout = new AbortController();
      const late = sleep(graceMs, "late" as const, { signal: timeout.signal, ref: false }).catch(
        () => "stopped" as const,
      );
      if ((await Promise.race([exited, late])) === "late") child.kill("SIGKILL");
      await exited;
      timeout.abort();
    },
  };
  return { process: child, handle };
}
