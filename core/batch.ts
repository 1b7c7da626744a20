/** How requests of {@link createBatch} are put together. */
export interface BatchOptions<Request, Answer> {
  /**
   * Answers several requests at once, in their order. An Error among the answers rejects that caller alone; when `run`
   * throws, all callers of the batch get the error.
   */
  run(requests: Request[]): Promise<(Answer | Error)[]>;
  /** Most requests in one batch. A function is asked before each request, where the limit changes. */
  maxSize: number | (() => number);
  /**
   * What a batch that is not full waits for:
   * - `turn`: the end of this turn of the event loop, so that requests made in it go together. Batches run side by side.
   * - `running`: also the end of the batch that runs. Under load each batch is larger and costs less per request.
   */
  waitFor: "turn" | "running";
  /** Requests with the same key never share a batch. */
  keyOf?: (request: Request) => unknown;
}

interface Waiting<Request, Answer> {
  request: Request;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/**
 * Lets calls that come close together share one exchange with a database or a node. A call that is alone waits for
 * nobody but the rest of its turn of the event loop.
 *
 * @returns a function that takes one request and resolves with its answer
 */
export function createBatch<Request, Answer>({
  run,
  maxSize,
  waitFor,
  keyOf,
}: BatchOptions<Request, Answer>): (request: Request) => Promise<Answer> {
  let waiting: Waiting<Request, Answer>[] = [];
  const keys = new Set<unknown>();
  let running = 0;

  const mayRun = () => waitFor === "turn" || running === 0;

  async function send(): Promise<void> {
    const batch = waiting;
    waiting = [];
    keys.clear();
    running += 1;
    await settle(batch, run);
    running -= 1;
    if (waitFor === "running") sendWaiting();
  }

  function sendWaiting(): void {
    if (waiting.length > 0 && mayRun()) void send();
  }

  return (request) => {
    const key = keyOf?.(request);
    if (keyOf !== undefined && keys.has(key)) void send();
    return new Promise((resolve, reject) => {
      waiting.push({ request, resolve, reject });
      if (keyOf !== undefined) keys.add(key);
      if (waiting.length >= (typeof maxSize === "number" ? maxSize : maxSize())) void send();
      else if (waiting.length === 1 && mayRun()) setImmediate(sendWaiting);
    });
  };
}

/** Runs one batch and gives each caller its answer. */
async function settle<Request, Answer>(
  batch: Waiting<Request, Answer>[],
  run: BatchOptions<Request, Answer>["run"],
): Promise<void> {
  try {
    const answers = await run(batch.map(({ request }) => request));
    batch.forEach(({ resolve, reject }, index) => {
      const answer = answers[index];
      if (answer instanceof Error) reject(answer);
      else resolve(answer as Answer);
    });
  } catch (error) {
    for (const { reject } of batch) reject(error);
  }
}
