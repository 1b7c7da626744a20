import { addSeconds } from "../../../core/clock";
import { enqueueLater } from "../../../core/jobs/enqueueLater";
import { createQueue, type QueueDefinition } from "../../../core/jobs/queue";
import { startWorker } from "../../../core/jobs/worker";
import type { Context } from "../../../process/context";
import { mailCode, type MailCodeDeps } from "./mailCode";
import type { EmailChallengeStore } from "./store";

interface CodeJob {
  challengeId: string;
}

const SWEEP_LIMIT = 500;

/** How long a code waits for further tries after all tries of its job failed. */
const REST_SECONDS = 60;

/** Ten minutes are all there is: seconds between two tries, not minutes. */
const QUEUE: QueueDefinition = { name: "email-codes", maxDelayMs: 10_000 };

/** The queue of codes to mail; the worker mails them, and sweeps for stored ones without a job. */
export function createCodeJobs(context: Context) {
  const { clock, timing } = context;
  const queue = createQueue<CodeJob>({ ...context, ...QUEUE });
  const add = (challengeId: string) => queue.enqueue(challengeId, { challengeId });
  const worker = (deps: MailCodeDeps & { challenges: EmailChallengeStore }) => ({
    name: "emailCodes",
    start: () =>
      startWorker<CodeJob>(context, {
        queue: QUEUE,
        concurrency: 4,
        process: ({ challengeId }) => mailCode(deps, challengeId),
        onExhausted: ({ challengeId }) =>
          deps.challenges.postponeSending(challengeId, addSeconds(clock.now(), REST_SECONDS)),
        sweep: {
          everyMs: timing.sweepIntervalMs,
          async run() {
            for (const id of await deps.challenges.unsent(clock.now(), SWEEP_LIMIT)) await add(id);
          },
        },
      }),
  });
  return { queue, enqueueCode: (challengeId: string) => enqueueLater(add(challengeId), context.logger), worker };
}
