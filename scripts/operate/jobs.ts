import { parseArgs } from "node:util";
import { type Config, loadConfig } from "../../core/config/config";
import { createDeadLetterStore, type DeadLetterStore } from "../../core/jobs/deadLetters";
import { createQueue } from "../../core/jobs/queue";
import { connectMongo } from "../../core/mongo";
import { connectRedis } from "../../core/redis";
import { type CommandContext, runCommand, UsageError } from "./command";

const usage = `npm run jobs -- list [queue]     the jobs that were given up, the newest first
npm run jobs -- retry <id>       put one back into its queue
npm run jobs -- discard <id>     delete one`;

const MAX_LISTED = 100;

interface Deps extends CommandContext {
  config: Config;
  deadLetters: DeadLetterStore;
}

/** Shows the jobs that were given up, puts them back or deletes them. */
async function run(args: string[], context: CommandContext): Promise<void> {
  const act = actionOf(parseArgs({ args, options: {}, allowPositionals: true }).positionals);
  const config = loadConfig("operator", context.env);
  const mongo = await connectMongo({ uri: config.mongodbUri, name: "jobs" });
  try {
    await act({ ...context, config, deadLetters: createDeadLetterStore(mongo) });
  } finally {
    await mongo.close();
  }
}

/** What the arguments ask for. Nothing is connected before they are known to be right. */
function actionOf([command, argument, ...others]: string[]): (deps: Deps) => Promise<void> {
  if (others.length > 0) throw new UsageError(`Unexpected argument: ${others.join(" ")}.`);
  if (command === "list") return (deps) => list(deps, argument);
  if (command === "retry" && argument !== undefined) return (deps) => retry(deps, argument);
  if (command === "discard" && argument !== undefined) return (deps) => discard(deps, argument);
  throw new UsageError("Give one of the commands below.");
}

async function list({ deadLetters, print }: Deps, queue: string | undefined): Promise<void> {
  const letters = await deadLetters.list({ ...(queue !== undefined && { queue }), limit: MAX_LISTED });
  for (const { _id, failedAt, attempts, error } of letters) {
    const cause = `${error.code ?? error.name}: ${error.message}`;
    print(`${_id}  ${failedAt.toISOString()}  after ${attempts} attempts  ${cause}`);
  }
  if (letters.length === 0) print("no job was given up");
}

async function retry({ config, deadLetters, print }: Deps, id: string): Promise<void> {
  const { queue: name, jobId, data, requestId } = await deadLetters.get(id);
  const redis = connectRedis({ url: config.redis.url, name: "jobs" });
  const queue = createQueue({ name, redis, config });
  try {
    // Queued before the dead letter is deleted: a crash in between leaves both, never neither.
    await queue.enqueue(jobId, data, requestId === undefined ? {} : { requestId });
    await deadLetters.discard(id);
    print(`${id} is queued again`);
  } finally {
    await queue.close();
    redis.disconnect();
  }
}

async function discard({ deadLetters, print }: Deps, id: string): Promise<void> {
  await deadLetters.discard(id);
  print(`${id} is deleted`);
}

void runCommand({ usage, run });
