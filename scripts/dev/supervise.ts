import { type ChildProcess, spawn } from "node:child_process";
import { type WriteStream, createWriteStream, mkdirSync } from "node:fs";
import { join, resolve as resolvePath } from "node:path";
import { createInterface } from "node:readline";

/** EX_CONFIG of sysexits.h: our processes leave with it when a restart would meet the same error. */
const CONFIGURATION_ERROR = 78;
const FIRST_RESTART_DELAY_MS = 250;
const LONGEST_RESTART_DELAY_MS = 10_000;
/** A process that ran this long had started well; its next restart is quick again. */
const STEADY_AFTER_MS = 30_000;

/** One of Cairn's processes, restarted when it dies until it is told to stop. */
export interface Supervised {
  readonly name: string;
  readonly pid: number | undefined;
  /** Resolves with the process's own words when it is ready; rejects when it cannot start. */
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
  /** One line a person should see. */
  report(line: string): void;
}

/** A log line of a process, as far as the supervisor reads it. */
interface LogLine {
  level?: string;
  msg?: string;
  notice?: boolean;
  ready?: boolean;
  err?: { message?: string };
}

/** Starts a process and keeps it running; its full log goes to `<logsDir>/<name>.log`, what matters to `report`. */
export function supervise(options: SuperviseOptions): Supervised {
  mkdirSync(options.logsDir, { recursive: true });
  const log = createWriteStream(join(options.logsDir, `${options.name}.log`), { flags: "a" });
  let child: ChildProcess | undefined;
  let stopping = false;
  let restarts = 0;
  let restartTimer: NodeJS.Timeout | undefined;
  let settle: { resolve(words: Record<string, unknown>): void; reject(error: Error): void } | undefined;
  const ready = new Promise<Record<string, unknown>>((resolve, reject) => (settle = { resolve, reject }));
  ready.catch(() => undefined);
  let ended: () => void = () => undefined;
  const end = new Promise<void>((resolve) => (ended = resolve));

  function start(): void {
    const startedAt = Date.now();
    const lastWords: string[] = [];
    const started = spawn(
      process.execPath,
      ["--require", "./scripts/typescript.cjs", resolvePath(options.root, options.script), ...(options.args ?? [])],
      {
        cwd: options.root,
        env: { ...options.env, CAIRN_SUPERVISED: "true" },
        // Standard input is the leash: when we die, however suddenly, it closes and the process ends.
        stdio: ["pipe", "pipe", "pipe"],
      },
    );
    child = started;
    createInterface({ input: started.stdout }).on("line", (line) => readLine(line, log));
    createInterface({ input: started.stderr }).on("line", (line) => {
      log.write(`${line}\n`);
      lastWords.push(line);
      if (lastWords.length > 40) lastWords.shift();
    });
    started.on("error", (error) => options.report(`could not be started: ${error.message}`));
    started.on("close", (code, signal) => {
      child = undefined;
      if (stopping) {
        ended();
        return;
      }
      const how = signal ? `was ended by ${signal}` : `left with code ${code}`;
      if (code === CONFIGURATION_ERROR) {
        const words = lastWords.join("\n");
        settle?.reject(new Error(words));
        options.report(`${how} and stays down:\n${words}`);
        ended();
        return;
      }
      if (Date.now() - startedAt > STEADY_AFTER_MS) restarts = 0;
      const delay = Math.min(FIRST_RESTART_DELAY_MS * 2 ** restarts, LONGEST_RESTART_DELAY_MS);
      restarts += 1;
      options.report(`${how}; starting it again${lastWords.length > 0 ? `\n${lastWords.join("\n")}` : ""}`);
      restartTimer = setTimeout(start, delay);
    });
  }

  function readLine(line: string, into: WriteStream): void {
    into.write(`${line}\n`);
    const entry = parse(line);
    if (entry === undefined) return;
    if (entry.ready === true) settle?.resolve(entry as Record<string, unknown>);
    const serious = entry.level === "warn" || entry.level === "error" || entry.level === "fatal";
    if (entry.notice === true || serious) {
      const cause = entry.err?.message === undefined ? "" : `: ${entry.err.message}`;
      options.report(`${serious ? `${entry.level}: ` : ""}${entry.msg ?? ""}${cause}`);
    }
  }

  start();
  return {
    name: options.name,
    get pid() {
      return child?.pid;
    },
    ready,
    async stop() {
      stopping = true;
      clearTimeout(restartTimer);
      if (child === undefined) ended();
      child?.kill("SIGTERM");
      const late = setTimeout(() => child?.kill("SIGKILL"), 15_000);
      await end;
      clearTimeout(late);
      await new Promise((resolve) => log.end(resolve));
    },
  };
}

function parse(line: string): LogLine | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    // Not one of our log lines: it is in the file for whoever looks.
    return undefined;
  }
}
