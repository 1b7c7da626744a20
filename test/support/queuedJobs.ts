import { Queue } from "bullmq";
import type { Context } from "../../process/context";

/** The data of the jobs that wait in a queue, the first queued first. */
export async function queuedJobs<Data>({ redis, config }: Pick<Context, "redis" | "config">, name: string) {
  const queue = new Queue<{ data: Data }>(name, { connection: redis, prefix: config.redis.prefix });
  try {
    const jobs = await queue.getJobs(["waiting", "delayed"], 0, -1, true);
    return jobs.map((job) => job.data.data);
  } finally {
    await queue.close();
  }
}
