import { sleep } from "../../core/clock";
import { messageOf } from "../../core/errors";
import type { RelayerDeps } from "./deps";
import { tick } from "./tick";

/** Ticks until closed: at once after {@link wake} and after progress, then every `pollMs`. */
export interface RelayerLoop {
  start(): void;
  wake(): void;
  close(): Promise<void>;
}

/** Makes the loop of one relayer. */
export function createRelayerLoop(deps: RelayerDeps): RelayerLoop {
  const closing = new AbortController();
  let awake = new AbortController();
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      awake = new AbortController();
      const progress = await tickOrWarn(deps);
      if (!progress) await sleep(deps.pollMs, AbortSignal.any([closing.signal, awake.signal]));
    }
  }

  return {
    start() {
      running ??= run();
    },
    wake: () => awake.abort(),
    async close() {
      closing.abort();
      await running;
    },
  };
}

/** Whether the tick changed anything. */
async function tickOrWarn(deps: RelayerDeps): Promise<boolean> {
  try {
    const { sent, confirmed, replaced } = await tick(deps);
    return sent + confirmed + replaced > 0;
  } catch (error) {
    deps.logger.warn({ err: error, reason: messageOf(error) }, "the relayer's tick failed; it tries again");
    return false;
  }
}
