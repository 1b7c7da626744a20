import { mkdirSync, realpathSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { BootError, messageOf } from "../core/errors";
import { type Child, type ChildExit, endLeftover, readRecord } from "./child";
import { freePort } from "./ports";

export type PartName = "chain" | "mongo" | "redis";

/** A line for people about one part: what is being done, or what was found. */
export interface PartReport {
  part: PartName;
  line: string;
}

/** A child that ended without having been asked to. */
export interface PartExit extends ChildExit {
  part: PartName;
}

/** What every part needs to start. */
export interface PartOptions {
  /** Where the part keeps its data, made when missing. Each part uses folders and files of its own in it. */
  dataDir: string;
  /** False when nothing has to outlast this run; some parts are faster then. */
  persistent: boolean;
  /** The variables that name real servers (`MONGODB_URI` and so on), `PATH`, and what children inherit. */
  env: NodeJS.ProcessEnv;
  /** The port to use if it is free; any free one otherwise. */
  preferredPort?: number;
  report?: (report: PartReport) => void;
  /** Told when a child of ours ended by itself or was killed. */
  onExit?: (exit: PartExit) => void;
  /** Ends a start under way. */
  signal?: AbortSignal;
}

/** A part that runs, ours or someone else's. */
export interface Part {
  name: PartName;
  /** `given`: its address came from the environment. `child`: a real server we started. `embedded`: our own. */
  how: "given" | "child" | "embedded";
  /** The address to connect to, for instance `redis://127.0.0.1:40123`. */
  url: string;
  /** One phrase for people: what it is and where. */
  where: string;
  /** The data folder, for parts we started. */
  dataDir: string | undefined;
  /** The server's process, for parts we started; changes with a restart. */
  pid(): number | undefined;
  /** Starts it again on the same port with the same data, ending what is left of it. A given part is left alone. */
  restart(): Promise<void>;
  /** Ends it and waits until it is gone. A given part is left alone. */
  stop(): Promise<void>;
}

/** A part that someone else runs: used as it is. */
export function givenPart(name: PartName, url: string, where: string): Part {
  const leaveAlone = () => Promise.resolve();
  return {
    name,
    how: "given",
    url,
    where,
    dataDir: undefined,
    pid: () => undefined,
    restart: leaveAlone,
    stop: leaveAlone,
  };
}

/** How to run one part as a child process. */
export interface PartRecipe {
  name: PartName;
  how: "child" | "embedded";
  /** Its name in sentences, for instance `redis-server`. */
  title: string;
  dataDir: string;
  pidFile: string;
  /** Starts the process, which must try this port and no other. */
  launch(port: number): Child;
  /**
   * Whether it is ready. A stranger may hold the port while our process still fails to bind it, so the answer must be
   * known to come from ours, whose process id is given.
   */
  answers(port: number, pid: number | undefined): Promise<boolean>;
  url(port: number): string;
  where(port: number): string;
  /** How long it may be silent and not answer. A line of its output starts the time anew. */
  silenceMs: number;
}

const PORT_ATTEMPTS = 5;
const PORT_TAKEN = /EADDRINUSE|address already in use|port .* in use/i;

/** Makes a part's folder and gives its true path, by which its processes are recognised later. */
export function makeFolder(path: string): string {
  mkdirSync(path, { recursive: true });
  return realpathSync(path);
}

/**
 * Starts a part by its recipe and waits until it answers: first ends what an earlier start left behind; when the port
 * is lost to another process before it is bound, takes another.
 *
 * @throws BootError with the child's last lines when it ends or does not answer in time
 */
export async function runPart(recipe: PartRecipe, options: PartOptions): Promise<Part> {
  let child: Child | undefined;
  let stopping = false;

  async function start(port: number): Promise<void> {
    await endLeftover(recipe.pidFile);
    options.signal?.throwIfAborted();
    const starting = recipe.launch(port);
    try {
      await untilReady(starting, recipe, port, options.signal);
    } catch (error) {
      await starting.stop(1_000);
      throw error;
    }
    child = starting;
    void starting.exited.then((exit) => {
      if (child === starting && !stopping) options.onExit?.({ part: recipe.name, ...exit });
    });
  }

  const port = await startOnSomePort(start, options.preferredPort);
  return {
    name: recipe.name,
    how: recipe.how,
    url: recipe.url(port),
    where: recipe.where(port),
    dataDir: recipe.dataDir,
    pid: () => readRecord(recipe.pidFile)?.pid ?? child?.pid,
    async restart() {
      const old = child;
      child = undefined;
      await old?.stop();
      await start(port);
    },
    async stop() {
      stopping = true;
      await child?.stop();
      await endLeftover(recipe.pidFile);
    },
  };
}

async function startOnSomePort(start: (port: number) => Promise<void>, preferred?: number): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort(attempt === 1 ? preferred : undefined);
    try {
      await start(port);
      return port;
    } catch (error) {
      if (attempt === PORT_ATTEMPTS || !PORT_TAKEN.test(messageOf(error))) throw error;
    }
  }
}

async function untilReady(child: Child, recipe: PartRecipe, port: number, signal?: AbortSignal): Promise<void> {
  let deadline = Date.now() + recipe.silenceMs;
  child.onLine(() => (deadline = Date.now() + recipe.silenceMs));
  for (let pauseMs = 10; ; pauseMs = Math.min(pauseMs * 1.5, 150)) {
    signal?.throwIfAborted();
    const answered = await recipe.answers(port, readRecord(recipe.pidFile)?.pid).catch(() => false);
    if (child.hasExited()) throw failure(recipe, await child.exited);
    if (answered) return;
    if (Date.now() > deadline) throw failure(recipe, { code: null, signal: null, output: child.output() });
    await sleep(pauseMs);
  }
}

function failure(recipe: PartRecipe, { code, signal, output }: ChildExit): BootError {
  const how =
    signal !== null ? `was ended by ${signal}` : code !== null ? `ended with code ${code}` : "does not answer";
  const said =
    output.length === 0 ? "it wrote nothing" : `its last lines:\n        ${output.slice(-8).join("\n        ")}`;
  return new BootError("local services", [
    {
      subject: recipe.title,
      problem: `${how} while starting (data in ${recipe.dataDir}); ${said}`,
      fix: `fix what it complains of, or move ${recipe.dataDir} away to start empty`,
    },
  ]);
}
