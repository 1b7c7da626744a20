/**
 * Lets calls that come close together share an exchange with a database: a call alone goes out at once; those that come
 * while one is under way wait for its end, or until they are many enough, and then go out together. Under load the cost
 * of an exchange is divided among many, and alone nothing waits.
 *
 * @param exchange does what was asked, for several callers at once; its answers are in the order of what was asked. When
 *   it throws, all its callers get the error
 * @param limit most calls in one exchange
 */
export function createBatch<Asked, Answer>(
  exchange: (asked: Asked[]) => Promise<Answer[]>,
  limit: number,
): (asked: Asked) => Promise<Answer> {
  interface Waiting {
    asked: Asked;
    resolve(answer: Answer): void;
    reject(error: unknown): void;
  }
  let waiting: Waiting[] = [];
  let underWay = 0;

  async function send(): Promise<void> {
    const group = waiting;
    waiting = [];
    underWay += 1;
    try {
      const answers = await exchange(group.map(({ asked }) => asked));
      group.forEach(({ resolve }, index) => resolve(answers[index] as Answer));
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
    underWay -= 1;
    sendWhenFree();
  }

  function sendWhenFree(): void {
    if (underWay === 0 && waiting.length > 0) void send();
  }

  return (asked) =>
    new Promise((resolve, reject) => {
      waiting.push({ asked, resolve, reject });
      if (waiting.length >= limit) void send();
      // Not before this turn of the event loop is over: whoever asks in it as well goes along.
      else if (waiting.length === 1 && underWay === 0) setImmediate(sendWhenFree);
    });
}
