import { expect } from "chai";
import { randomUUID } from "node:crypto";
import type { Redis } from "ioredis";
import { pino } from "pino";
import { systemClock } from "../../../core/clock";
import { type DeadLetterStore, createDeadLetterStore } from "../../../core/jobs/deadLetters";
import { DomainError, TransientError } from "../../../core/errors";
import type { Mongo } from "../../../core/mongo";
import {
  type JobContext,
  type JobQueue,
  type QueueConnection,
  type QueueProcessor,
  createQueue,
  processQueue,
} from "../../../core/jobs/queue";
import { connectRedis } from "../../../core/redis";
import { eventually } from "../../support/eventually";
import { testMongo, testRedisUrl } from "../../support/servers";

const logger = pino({ level: "silent" });

interface Task {
  number: number;
}

describe("queue", () => {
  let mongo: Mongo;
  let redis: Redis;
  let deadLetters: DeadLetterStore;
  let queue: JobQueue<Task>;
  let options: { name: string; redis: Redis; config: QueueConnection["config"]; attempts: number; maxDelayMs: number };
  const running: QueueProcessor[] = [];

  before(async () => {
    mongo = await testMongo("queue");
    redis = connectRedis({ url: testRedisUrl(), name: "test" });
    deadLetters = createDeadLetterStore(mongo);
  });

  beforeEach(() => {
    options = {
      name: "tasks",
      redis,
      config: { redis: { prefix: `test-${randomUUID()}` } },
      attempts: 4,
      maxDelayMs: 20,
    };
    queue = createQueue(options);
  });

  afterEach(async () => {
    await Promise.all(running.splice(0).map((processor) => processor.close(5_000)));
    await queue.close();
    await mongo.dropDatabase();
  });

  after(async () => {
    await redis.quit();
    await mongo.close();
  });

  function work(
    process: (data: Task, context: JobContext) => Promise<void>,
    onExhausted?: (data: Task) => Promise<void>,
  ) {
    const processor = processQueue<Task>({
      ...options,
      concurrency: 4,
      deadLetters,
      clock: systemClock,
      logger,
      process,
      ...(onExhausted !== undefined && { onExhausted }),
    });
    running.push(processor);
    return processor;
  }

  it("runs a job added twice under one id once", async () => {
    await Promise.all(Array.from({ length: 16 }, () => queue.enqueue("task-1", { number: 1 })));
    const seen: number[] = [];
    work(async ({ number }) => void seen.push(number));
    await eventually("the job", async () => seen.length > 0 && (await queue.depth()) === 0);
    expect(seen).to.deep.equal([1]);
  });

  it("takes the same id again once the job is done", async () => {
    let runs = 0;
    work(async () => {
      runs += 1;
    });
    await queue.enqueue("task-1", { number: 1 });
    await eventually("the first round", async () => runs === 1 && (await queue.depth()) === 0);
    await queue.enqueue("task-1", { number: 1 });
    await eventually("the second round", () => runs === 2);
  });

  it("hands the causing request's id on, and counts attempts from one", async () => {
    const attempts: number[] = [];
    const requestIds = new Set<string | undefined>();
    work(async (_data, { attempt, requestId }) => {
      attempts.push(attempt);
      requestIds.add(requestId);
      if (attempt < 3) throw new TransientError("rpc.timeout", "no answer");
    });
    await queue.enqueue("task-1", { number: 1 }, { requestId: "req-1" });
    await eventually("three attempts", () => attempts.length === 3);
    expect(attempts).to.deep.equal([1, 2, 3]);
    expect([...requestIds]).to.deep.equal(["req-1"]);
    expect(await deadLetters.list({ limit: 10 })).to.deep.equal([]);
  });

  it("keeps a job that was tried too often as a dead letter, and takes its id again", async () => {
    let runs = 0;
    const exhausted: number[] = [];
    work(
      async () => {
        runs += 1;
        throw new TransientError("rpc.timeout", "no answer");
      },
      async ({ number }) => void exhausted.push(number),
    );
    await queue.enqueue("task-7", { number: 7 }, { requestId: "req-7" });
    const [letter] = await eventually("the dead letter", async () => {
      const letters = await deadLetters.list({ queue: "tasks", limit: 10 });
      return letters.length > 0 && letters;
    });
    expect(letter).to.deep.include({ _id: "tasks/task-7", jobId: "task-7", data: { number: 7 }, attempts: 4 });
    expect(letter).to.deep.include({ requestId: "req-7" });
    expect(letter?.error).to.deep.include({ code: "rpc.timeout", message: "no answer" });
    expect(runs).to.equal(4);
    expect(exhausted).to.deep.equal([7]);

    await eventually("the queue to forget it", async () => (await queue.depth()) === 0);
    const { data } = await deadLetters.get("tasks/task-7");
    await queue.enqueue("task-7", data as Task);
    await eventually("another round", () => runs > 4);
  });

  it("does not try again what a rule of the domain refuses", async () => {
    let runs = 0;
    work(async () => {
      runs += 1;
      throw new DomainError("wallet.not_found", "not_found", "There is no such wallet.");
    });
    await queue.enqueue("task-1", { number: 1 });
    await eventually("the dead letter", async () => (await deadLetters.list({ limit: 1 })).length === 1);
    expect(runs).to.equal(1);
  });

  it("refuses to discard a dead letter twice", async () => {
    const error = new Error("no");
    await deadLetters.record({ queue: "q", jobId: "j", data: {}, error, attempts: 1, failedAt: systemClock.now() });
    const discarded = await Promise.allSettled(Array.from({ length: 16 }, () => deadLetters.discard("q/j")));
    expect(discarded.filter(({ status }) => status === "fulfilled")).to.have.length(1);
    const refused = discarded.find((outcome) => outcome.status === "rejected");
    expect(refused?.reason).to.deep.include({ code: "dead_letter.not_found" });
  });

  it("lets a job in hand finish when it is told to stop", async () => {
    let finished = false;
    let begun = false;
    const processor = work(async (_data, { signal }) => {
      begun = true;
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      finished = true;
    });
    await queue.enqueue("task-1", { number: 1 });
    await eventually("the job to begin", () => begun);
    await processor.close(5_000);
    expect(finished).to.equal(true);
  });
});
