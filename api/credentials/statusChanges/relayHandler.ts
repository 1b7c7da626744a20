import type { RelayHandler } from "../../../chain/relayer/handlers";
import { type ApplyChangeDeps, enqueueNext } from "./actions";

/** Records what becomes of the transactions of status changes. */
export function statusChangeHandler(deps: Pick<ApplyChangeDeps, "changes" | "clock" | "enqueueChange">): RelayHandler {
  const { changes, clock } = deps;
  return {
    onBroadcast: ({ key }, transactionHash) => changes.markSubmitted(changeIdOf(key), transactionHash, clock.now()),
    onRetryableError: ({ key }, error) => changes.recordError(changeIdOf(key), error.message, clock.now()),
    async onOutcome({ key }, outcome) {
      const changeId = changeIdOf(key);
      if (outcome.state !== "mined") {
        // Its turn again: it is signed anew, or given up after a few times.
        await deps.enqueueChange(changeId);
        return;
      }
      const { transactionHash, blockNumber } = outcome;
      await changes.markMined(changeId, { transactionHash, blockNumber }, clock.now());
      const job = await changes.find(changeId);
      if (job !== null) await enqueueNext(deps, job.issuer);
    },
  };
}

/** Keys are `status/<changeId>/<registry>/<attempt>`. */
function changeIdOf(key: string): string {
  return key.split("/")[1] ?? "";
}
