import type { Redis } from "ioredis";
import type { BootProblem } from "../core/errors";
import { BootError, messageOf, TransientError } from "../core/errors";

/** One question put to the outside before a process starts: returns the problems it found, or throws. */
export interface PreflightCheck {
  /** The variable concerned when the check throws, for instance `MONGODB_URI`. */
  subject: string;
  /** What to do when the check throws. */
  fix: string;
  /** Whether the process may start while it does not answer: a TransientError is then no problem of the configuration. */
  mayAnswerLater?: boolean;
  run(): Promise<BootProblem[]>;
}

/** What did not answer and is waited for while the process runs. */
export type Unanswered = Pick<BootProblem, "subject" | "problem">;

/**
 * Runs every check, all at once, so that one message names everything that must be fixed.
 *
 * @returns what does not answer yet and may do so later
 * @throws BootError listing the problems of all checks, and then also what does not answer
 */
export async function preflight(processName: string, checks: PreflightCheck[]): Promise<Unanswered[]> {
  const unanswered: BootProblem[] = [];
  const found = await Promise.all(
    checks.map(async ({ subject, fix, mayAnswerLater = false, run }) => {
      try {
        return await run();
      } catch (error) {
        if (error instanceof BootError) return error.problems;
        const problem = { subject, problem: messageOf(error), fix };
        if (!mayAnswerLater || !(error instanceof TransientError)) return [problem];
        unanswered.push(problem);
        return [];
      }
    }),
  );
  const problems = found.flat();
  if (problems.length > 0) throw new BootError(processName, [...problems, ...unanswered]);
  return unanswered.map(({ subject, problem }) => ({ subject, problem }));
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
