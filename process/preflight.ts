import type { Redis } from "ioredis";
import type { BootProblem } from "../core/errors";
import { BootError, messageOf } from "../core/errors";

/** One question put to the outside before a process starts: returns the problems it found, or throws. */
export interface PreflightCheck {
  /** The variable concerned when the check throws, for instance `MONGODB_URI`. */
  subject: string;
  /** What to do when the check throws. */
  fix: string;
  run(): Promise<BootProblem[]>;
}

/**
 * Runs every check, all at once, so that one message names everything that must be fixed.
 *
 * @throws BootError listing the problems of all checks
 */
export async function preflight(processName: string, checks: PreflightCheck[]): Promise<void> {
  const found = await Promise.all(
    checks.map(async ({ subject, fix, run }) => {
      try {
        return await run();
      } catch (error) {
        if (error instanceof BootError) return error.problems;
        return [{ subject, problem: messageOf(error), fix }];
      }
    }),
  );
  const problems = found.flat();
  if (problems.length > 0) throw new BootError(processName, problems);
}

/** The check that Redis answers and keeps what BullMQ gives it. */
export function redisCheck(redis: Redis): PreflightCheck {
  return {
    subject: "REDIS_URL",
    fix: "start Redis there, or correct REDIS_URL",
    async run() {
      await withDeadline(redis.ping(), 5_000, "no answer within 5 s");
      const policy = await evictionPolicy(redis);
      if (policy === undefined || policy === "noeviction") return [];
      const problem = `evicts keys when memory runs out (maxmemory-policy ${policy}); queues would lose jobs`;
      return [{ subject: "REDIS_URL", problem, fix: "set maxmemory-policy noeviction on that server" }];
    },
  };
}

/** Undefined where the server does not tell: managed services often forbid CONFIG and INFO names the policy instead. */
async function evictionPolicy(redis: Redis): Promise<string | undefined> {
  const memory = await redis.info("memory");
  return /^maxmemory_policy:(\S+)/m.exec(memory)?.[1];
}

/**
 * The promise's value, or an error with this message when it takes longer than `ms`.
 */
export async function withDeadline<T>(promise: Promise<T>, ms: number, message: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(message)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
