import { createDeadLetterStore } from "../../core/jobs/deadLetters";
import { loadConfig } from "../../core/config/config";
import { messageOf } from "../../core/errors";
import { connectMongo } from "../../core/mongo";
import { createQueue } from "../../core/jobs/queue";
import { connectRedis } from "../../core/redis";

const USAGE = `npm run jobs -- list [queue]     the jobs that were given up, the newest first
npm run jobs -- retry <id>       put one back into its queue
npm run jobs -- discard <id>     forget one`;

/** Shows the jobs that were given up, and puts them back or forgets them. */
async function main([command, argument]: string[]): Promise<void> {
  const config = loadConfig("worker");
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const mongo = await connectMongo({ uri: config.mongodbUri, name: "jobs" });
  try {
    const deadLetters = createDeadLetterStore(mongo);
    if (command === "list") {
      const letters = await deadLetters.list({ ...(argument !== undefined && { queue: argument }), limit: 100 });
      for (const { _id, failedAt, attempts, error } of letters) {
        say(
          `${_id}  ${failedAt.toISOString()}  after ${attempts} attempts  ${error.code ?? error.name}: ${error.message}`,
        );
      }
      if (letters.length === 0) say("no job was given up");
    } else if (command === "retry" && argument !== undefined) {
      const redis = connectRedis({ url: config.redis.url, name: "jobs" });
      const { queue: name, jobId, data, requestId } = await deadLetters.get(argument);
      const queue = createQueue({ name, redis, prefix: config.redis.prefix });
      try {
        // Queued before it is forgotten: dying in between leaves a letter too many, never one too few.
        await queue.enqueue(jobId, data, requestId === undefined ? {} : { requestId });
        await deadLetters.discard(argument);
        say(`${argument} is queued again`);
      } finally {
        await queue.close();
        redis.disconnect();
      }
    } else if (command === "discard" && argument !== undefined) {
      await deadLetters.discard(argument);
      say(`${argument} is forgotten`);
    } else {
      say(USAGE);
      process.exitCode = 2;
    }
  } finally {
    await mongo.close();
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
});
