import { mkdirSync, realpathSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { BootError, messageOf } from "../core/errors";
import { type Child, type ChildExit, endOrphan, readRecord } from "./child";
import { freePort } from "./ports";

export type ServiceName = "chain" | "mongo" | "redis";

/** A line for people about one service: what is being done, or what was found. */
export interface ServiceReport {
  service: ServiceName;
  line: string;
}

/** A service that ended and was not stopped by us. */
export interface ServiceExit extends ChildExit {
  service: ServiceName;
}

/** What every service needs to start. */
export interface ServiceOptions {
  /** Where the data is stored, made when missing. Each service uses folders and files of its own in it. */
  dataDir: string;
  /** False when no data has to outlast this run; some services are faster then. */
  persistent: boolean;
  /** The variables that name real servers (`MONGODB_URI` and so on), `PATH`, and what children inherit. */
  env: NodeJS.ProcessEnv;
  /** The port to use if it is free; any free one otherwise. */
  preferredPort?: number | undefined;
  report?: (report: ServiceReport) => void;
  /** Called when a server we started ended or was killed. */
  onExit?: (exit: ServiceExit) => void;
  /** Aborts a start in progress. */
  signal?: AbortSignal;
}

/** A server that runs, started by us or given. */
export interface Service {
  name: ServiceName;
  /** `given`: its address came from the environment. `child`: a real server that we started. `embedded`: our own. */
  how: "given" | "child" | "embedded";
  /** The address to connect to, for instance `redis://127.0.0.1:40123`. */
  url: string;
  /** One phrase for people: what it is and where. */
  where: string;
  /** The data folder, for servers that we started. */
  dataDir: string | undefined;
  /** The server's process, for servers that we started; changes with a restart. */
  pid(): number | undefined;
  /** Starts it again on the same port with the same data, ending what is left of it. Nothing for a given one. */
  restart(): Promise<void>;
  /** Stops it and waits until it has ended. Nothing for a given one. */
  stop(): Promise<void>;
}

/** A server that the environment names: used as it is, neither started nor stopped. */
export function givenService(name: ServiceName, url: string, where: string): Service {
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

/** How to run one server as a child process. */
export interface ServiceSpec {
  name: ServiceName;
  how: "child" | "embedded";
  /** Its name in sentences, for instance `redis-server`. */
  title: string;
  dataDir: string;
  pidFile: string;
  /** Starts the process, which must try this port and no other. */
  launch(port: number): Child;
  /**
   * Whether it is ready. Another program may hold the port while our process still fails to bind it, so the answer must
   * be known to come from ours, whose process id is given.
   */
  isReady(port: number, pid: number | undefined): Promise<boolean>;
  url(port: number): string;
  where(port: number): string;
  /** How long it may take to be ready; each line of its output starts the time anew. */
  startTimeoutMs: number;
}

const PORT_ATTEMPTS = 5;
const PORT_TAKEN = /EADDRINUSE|address already in use|port .* in use/i;

/** Makes a folder. @returns its real path, by which its processes are recognised later */
export function makeFolder(path: string): string {
  mkdirSync(path, { recursive: true });
  return realpathSync(path);
}

/**
 * Starts a server and waits until it is ready. Ends first what an earlier start left running; takes another port when
 * a program takes the first before it is bound.
 *
 * @throws BootError with the server's last lines when it ends or is not ready in time
 */
export async function runService(spec: ServiceSpec, options: ServiceOptions): Promise<Service> {
  let child: Child | undefined;
  let stopping = false;

  async function start(port: number): Promise<void> {
    await endOrphan(spec.pidFile);
    options.signal?.throwIfAborted();
    const starting = spec.launch(port);
    try {
      await waitUntilReady(starting, spec, port, options.signal);
    } catch (error) {
      await starting.stop(1_000);
      throw error;
    }
    child = starting;
    void starting.exited.then((exit) => {
      if (child === starting && !stopping) options.onExit?.({ service: spec.name, ...exit });
    });
  }

  const port = await startOnSomePort(start, options.preferredPort);
  return {
    name: spec.name,
    how: spec.how,
    url: spec.url(port),
    where: spec.where(port),
    dataDir: spec.dataDir,
    pid: () => readRecord(spec.pidFile)?.pid ?? child?.pid,
    async restart() {
      const old = child;
      child = undefined;
      await old?.stop();
      await start(port);
    },
    async stop() {
      stopping = true;
      await child?.stop();
      await endOrphan(spec.pidFile);
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

async function waitUntilReady(child: Child, spec: ServiceSpec, port: number, signal?: AbortSignal): Promise<void> {
  let deadline = Date.now() + spec.startTimeoutMs;
  child.onLine(() => (deadline = Date.now() + spec.startTimeoutMs));
  for (let pauseMs = 10; ; pauseMs = Math.min(pauseMs * 1.5, 150)) {
    signal?.throwIfAborted();
    const isReady = await spec.isReady(port, readRecord(spec.pidFile)?.pid).catch(() => false);
    if (child.hasExited()) throw startError(spec, await child.exited);
    if (isReady) return;
    if (Date.now() > deadline) throw startError(spec, { code: null, signal: null, output: child.output() });
    await sleep(pauseMs);
  }
}

function startError(spec: ServiceSpec, { code, signal, output }: ChildExit): BootError {
  const how = signal !== null ? `was ended by ${signal}` : code !== null ? `ended with code ${code}` : "is not ready";
  const printed =
    output.length === 0 ? "it wrote nothing" : `its last lines:\n        ${output.slice(-8).join("\n        ")}`;
  return new BootError("local services", [
    {
      subject: spec.title,
      problem: `${how} while starting (data in ${spec.dataDir}); ${printed}`,
      fix: `correct what it reports, or move ${spec.dataDir} away to start empty`,
    },
  ]);
}
