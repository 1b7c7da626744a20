import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import { type WriteStream, createWriteStream, mkdirSync } from "node:fs";
import { join, resolve as resolvePath } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

/** EX_CONFIG of sysexits.h: our processes exit with it when a restart would meet the same error. */
const CONFIGURATION_ERROR = 78;
const FIRST_RESTART_DELAY_MS = 250;
const LONGEST_RESTART_DELAY_MS = 10_000;
/** After a run this long the restart delay begins at its shortest again. */
const STEADY_AFTER_MS = 30_000;
/** How long a process has for its end before it is killed. */
const STOP_TIMEOUT_MS = 15_000;
/** Of what a process wrote to standard error, so many last lines are reported when it exits. */
const ERROR_LINES = 40;

/** One of Cairn's processes, restarted whenever it exits, until `stop`. */
export interface Supervised {
  readonly name: string;
  readonly pid: number | undefined;
  /** Resolves with the log entry in which the process says that it is ready; rejects when its configuration is wrong. */
  ready: Promise<Record<string, unknown>>;
  stop(): Promise<void>;
}

export interface SuperviseOptions {
  name: string;
  /** The TypeScript file to run, from the repository's root. */
  script: string;
  args?: string[];
  env: NodeJS.ProcessEnv;
  root: string;
  logsDir: string;
  /** Receives lines for people. */
  report(line: string): void;
}

/** The fields of a log entry that the supervisor reads. */
interface LogEntry {
  level?: string;
  msg?: string;
  notice?: boolean;
  ready?: boolean;
  err?: { message?: string };
}

/** What is known of a supervised process between its restarts. */
interface Supervision {
  options: SuperviseOptions;
  log: WriteStream;
  child: ChildProcess | undefined;
  stopping: boolean;
  restarts: number;
  restartTimer: NodeJS.Timeout | undefined;
  ready: Deferred<Record<string, unknown>>;
  /** Resolves when the process has exited for good. */
  ended: Deferred<void>;
}

interface Deferred<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(error: Error): void;
}

/** Starts a process and restarts it when it exits. Its whole log goes to `<logsDir>/<name>.log`. */
export function supervise(options: SuperviseOptions): Supervised {
  mkdirSync(options.logsDir, { recursive: true });
  const supervision: Supervision = {
    options,
    log: createWriteStream(join(options.logsDir, `${options.name}.log`), { flags: "a" }),
    child: undefined,
    stopping: false,
    restarts: 0,
    restartTimer: undefined,
    ready: createDeferred(),
    ended: createDeferred(),
  };
  start(supervision);
  return {
    name: options.name,
    get pid() {
      return supervision.child?.pid;
    },
    ready: supervision.ready.promise,
    stop: () => stop(supervision),
  };
}

function start(supervision: Supervision): void {
  const { options, log } = supervision;
  const startedMs = performance.now();
  const errorLines: string[] = [];
  const child = launch(options);
  supervision.child = child;
  createInterface({ input: child.stdout }).on("line", (line) => readLine(supervision, line));
  createInterface({ input: child.stderr }).on("line", (line) => {
    log.write(`${line}\n`);
    errorLines.push(line);
    if (errorLines.length > ERROR_LINES) errorLines.shift();
  });
  child.on("error", (error) => options.report(`could not be started: ${error.message}`));
  child.on("close", (code, signal) => {
    supervision.child = undefined;
    if (performance.now() - startedMs > STEADY_AFTER_MS) supervision.restarts = 0;
    handleExit(supervision, { code, signal, errorLines });
  });
}

function launch({ root, script, args = [], env }: SuperviseOptions): ChildProcessByStdio<Writable, Readable, Readable> {
  return spawn(process.execPath, ["--require", "./scripts/typescript.cjs", resolvePath(root, script), ...args], {
    cwd: root,
    env: { ...env, CAIRN_SUPERVISED: "true" },
    // Standard input closes when this process ends, however suddenly: then the child ends, too.
    stdio: ["pipe", "pipe", "pipe"],
  });
}

/** Restarts the process, unless it was stopped or its configuration is wrong. */
function handleExit(
  supervision: Supervision,
  exit: { code: number | null; signal: NodeJS.Signals | null; errorLines: string[] },
): void {
  const { report } = supervision.options;
  if (supervision.stopping) {
    supervision.ended.resolve();
    return;
  }
  const how = exit.signal ? `was ended by ${exit.signal}` : `left with code ${exit.code}`;
  const errors = exit.errorLines.join("\n");
  if (exit.code === CONFIGURATION_ERROR) {
    supervision.ready.reject(new Error(errors));
    report(`${how} and stays down:\n${errors}`);
    supervision.ended.resolve();
    return;
  }
  const delayMs = Math.min(FIRST_RESTART_DELAY_MS * 2 ** supervision.restarts, LONGEST_RESTART_DELAY_MS);
  supervision.restarts += 1;
  report(`${how}; starting it again${errors === "" ? "" : `\n${errors}`}`);
  supervision.restartTimer = setTimeout(() => start(supervision), delayMs);
}

/** Logs a line; reports notices, warnings and errors. */
function readLine({ options, log, ready }: Supervision, line: string): void {
  log.write(`${line}\n`);
  const entry = parse(line);
  if (entry === undefined) return;
  if (entry.ready === true) ready.resolve(entry as Record<string, unknown>);
  const isSerious = entry.level === "warn" || entry.level === "error" || entry.level === "fatal";
  if (entry.notice === true || isSerious) {
    const cause = entry.err?.message === undefined ? "" : `: ${entry.err.message}`;
    options.report(`${isSerious ? `${entry.level}: ` : ""}${entry.msg ?? ""}${cause}`);
  }
}

async function stop(supervision: Supervision): Promise<void> {
  supervision.stopping = true;
  clearTimeout(supervision.restartTimer);
  if (supervision.child === undefined) supervision.ended.resolve();
  supervision.child?.kill("SIGTERM");
  const killTimer = setTimeout(() => supervision.child?.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await supervision.ended.promise;
  clearTimeout(killTimer);
  await new Promise((resolve) => supervision.log.end(resolve));
}

function createDeferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  // A rejection that nobody waits for must not end this process.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

function parse(line: string): LogEntry | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as LogEntry;
  } catch {
    // Not one of our log entries; the log file has it all the same.
    return undefined;
  }
}
