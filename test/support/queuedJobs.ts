import { Queue } from "bullmq";
import type { Context } from "../../process/context";

/** What the jobs of a queue say that wait for a worker, the first queued first. */
export async function queuedJobs<Data>({ redis, config }: Pick<Context, "redis" | "config">, name: string) {
  const queue = new Queue<{ data: Data }>(name, { connection: redis, prefix: config.redis.prefix });
  try {
    const jobs = await queue.getJobs(["waiting", "delayed"], 0, -1, true);
    return jobs.map((job) => job.data.data);
  } finally {
    await queue.close();
  }
}
