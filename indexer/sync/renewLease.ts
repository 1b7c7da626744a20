import { sleep } from "../../core/clock";
import type { Logger } from "../../core/logger";
import { LeaseLostError, type Term } from "../write/term";

/** How often a lease is renewed while it lasts. */
const RENEWALS_PER_LEASE = 3;

/** Renews a lease until `ended` aborts, and aborts it when another process has acquired the lease. */
export async function renewLease(
  { logger, leaseSeconds }: { logger: Logger; leaseSeconds: number },
  term: Term,
  ended: AbortController,
): Promise<void> {
  const isOver = () => ended.signal.aborted;
  while (!isOver()) {
    await sleep((leaseSeconds * 1000) / RENEWALS_PER_LEASE, ended.signal);
    if (isOver()) return;
    try {
      await term.renew();
    } catch (error) {
      if (error instanceof LeaseLostError) {
        logger.warn(error.message);
        ended.abort();
        return;
      }
      logger.warn({ err: error }, "the lease could not be renewed; trying again");
    }
  }
}
