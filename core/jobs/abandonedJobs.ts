import type { Redis } from "ioredis";
import { messageOf } from "../errors";
import type { Logger } from "../logger";
import { startSweeper, type Sweeper } from "./sweeper";

/**
 * How often a queue is searched for jobs of processes that are gone. A connection has to be missing twice in a row, so
 * that one that is just being restored does not count as gone.
 */
const CHECK_INTERVAL_MS = 400;

/** Checks that are skipped after our own connection was lost: others may still be on their way back to the server. */
const CHECKS_SKIPPED_AFTER_RECONNECT = 25;

/** Whose jobs are active: the `pb` (processed by) that BullMQ stores with a job when a worker takes it. */
const OWNERS = `
local owners = {}
for _, id in ipairs(redis.call("LRANGE", KEYS[1], 0, -1)) do
  local owner = redis.call("HGET", ARGV[1] .. id, "pb")
  if owner then owners[#owners + 1] = owner end
end
return owners`;

/**
 * Ends the locks of one owner's active jobs and marks them as stalled; BullMQ's own check then lets them wait again.
 * In one script, so that the lock of a worker that has taken a job over meanwhile is not touched.
 */
const RELEASE = `
local released = 0
for _, id in ipairs(redis.call("LRANGE", KEYS[1], 0, -1)) do
  if redis.call("HGET", ARGV[1] .. id, "pb") == ARGV[2] then
    redis.call("DEL", ARGV[1] .. id .. ":lock")
    redis.call("SADD", KEYS[2], id)
    released = released + 1
  end
end
return released`;

/**
 * Releases the jobs of worker processes that are gone, so that others take them over within two seconds instead of
 * when their locks expire. A process is gone when Redis has no connection of its name: the operating system closes the
 * connections of a process that is killed, while one that is merely slow, or busy for longer than any heartbeat, keeps
 * them. Where the connection outlives the process (a machine that lost power) or the server does not list its
 * connections, the lock's expiry decides as before.
 *
 * @param options.redis a connection of `connectRedis`, by whose name this process's own jobs are known
 * @param options.prefix of the queue's keys
 * @param options.queue its name
 */
export function watchAbandonedJobs(options: { redis: Redis; prefix: string; queue: string; logger: Logger }): Sweeper {
  const { redis, prefix, queue, logger } = options;
  const self = connectionNameOf(redis);
  const [active, stalled, jobs] = ["active", "stalled", ""].map((end) => `${prefix}:${queue}:${end}`) as [
    string,
    string,
    string,
  ];
  let missing = new Set<string>();
  let toSkip = 0;
  let stream: Redis["stream"] | undefined;
  let isSupported = true;

  function wasReconnected(): boolean {
    const before = stream;
    stream = redis.stream;
    return before !== undefined && before !== stream;
  }

  async function connected(): Promise<Set<string> | undefined> {
    try {
      const list = (await redis.client("LIST")) as string;
      return new Set([...list.matchAll(/ name=(\S+)/g)].map(([, name = ""]) => name));
    } catch (error) {
      isSupported = false;
      logger.warn(
        { err: error, queue },
        `Redis does not list its connections (${messageOf(error)}): jobs of a killed worker wait for their locks to expire`,
      );
      return undefined;
    }
  }

  async function check(): Promise<void> {
    if (!isSupported) return;
    toSkip = wasReconnected() ? CHECKS_SKIPPED_AFTER_RECONNECT : Math.max(0, toSkip - 1);
    if (toSkip > 0) return;
    const owners = (await redis.eval(OWNERS, 1, active, jobs)) as string[];
    const others = owners.filter((owner) => owner !== self);
    const names = others.length === 0 ? undefined : await connected();
    const gone = new Set(names === undefined ? [] : others.filter((owner) => !names.has(owner)));
    for (const owner of gone) {
      if (!missing.has(owner)) continue;
      const released = await redis.eval(RELEASE, 2, active, stalled, jobs, owner);
      logger.info({ queue, owner, released }, "jobs of a process that is gone are taken over");
    }
    missing = gone;
  }

  return startSweeper({
    what: `${queue} for jobs of processes that are gone`,
    everyMs: CHECK_INTERVAL_MS,
    logger,
    sweep: check,
  });
}

/**
 * The name of a connection, unique to its process: what is stored with the jobs that are worked on over it.
 *
 * @throws RangeError when the connection has none
 */
export function connectionNameOf(redis: Redis): string {
  const name = redis.options.connectionName;
  if (typeof name !== "string" || name === "") throw new RangeError("a worker's connection to Redis needs a name");
  return name;
}
