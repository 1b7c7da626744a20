import type { Context } from "../../process/context";

/**
 * Where a child process kills itself with SIGKILL:
 *
 * - `{ mongo, when, nth }`: before or after the nth command of this name on this collection;
 * - `{ queue }`: before anything is sent to Redis that adds to this queue;
 * - `{ fetch, when }`: before or after a call to an address that contains this.
 */
export type CrashPoint =
  | { mongo: `${"insert" | "update" | "find"} ${string}`; when: "before" | "after"; nth: number }
  | { queue: string }
  | { fetch: string; when: "before" | "after" };

const die = () => process.kill(process.pid, "SIGKILL");

/** Has this process die at the point; its connection to MongoDB must have been opened with `monitorCommands`. */
export function crashAt(crash: CrashPoint, { mongo, redis }: Pick<Context, "mongo" | "redis">): void {
  if ("mongo" in crash) crashAtCommand(crash, mongo);
  else if ("queue" in crash) crashAtQueue(crash.queue, redis);
  else crashAtFetch(crash);
}

function crashAtCommand(crash: Extract<CrashPoint, { mongo: string }>, mongo: Context["mongo"]): void {
  const [command = "", collection] = crash.mongo.split(" ");
  let seen = 0;
  const isIt = (event: { commandName: string; command?: Record<string, unknown> }) =>
    event.commandName === command && event.command?.[command] === collection;
  const requests = new Set<number>();
  mongo.getClient().on("commandStarted", (event) => {
    if (!isIt(event)) return;
    seen += 1;
    if (seen !== crash.nth) return;
    if (crash.when === "before") die();
    requests.add(event.requestId);
  });
  mongo.getClient().on("commandSucceeded", (event) => {
    if (requests.has(event.requestId)) die();
  });
}

/** BullMQ adds a job by a script that is given the queue's keys and the job's options, our backoff among them. */
function crashAtQueue(queue: string, redis: Context["redis"]): void {
  const send = redis.sendCommand.bind(redis);
  redis.sendCommand = (command, ...rest) => {
    const isScript = command.name === "evalsha" || command.name === "eval";
    const args = command.args.flat().map((arg) => (Buffer.isBuffer(arg) ? arg.toString("latin1") : String(arg)));
    const isOfQueue = args.some((arg) => arg.endsWith(`:${queue}:events`));
    if (isScript && isOfQueue && args.some((arg) => arg.includes("jittered"))) die();
    return send(command, ...rest);
  };
}

function crashAtFetch(crash: Extract<CrashPoint, { fetch: string }>): void {
  const real = globalThis.fetch;
  globalThis.fetch = async (...args) => {
    const isIt = (args[0] instanceof Request ? args[0].url : args[0].toString()).includes(crash.fetch);
    if (isIt && crash.when === "before") die();
    const response = await real(...args);
    if (isIt) die();
    return response;
  };
}
