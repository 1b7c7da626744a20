import type { BlockRef } from "../../projection/models";
import { refoldDid, refoldIssuer } from "../../projection/refold";
import { findUnverified, type UnverifiedSubject } from "./compareCounters";
import { compareReceipts } from "./compareReceipts";
import type { CompletenessDeps } from "./completenessDeps";
import { findMissing } from "./findMissing";

/** A subject with several gaps is completed one gap after another. */
const MAX_GAPS = 10;

/**
 * Searches every endpoint for the events about a subject that the index lacks, adds them and folds the subject anew.
 * What is not found leaves the subject marked as unverified.
 *
 * @throws LeaseLostError
 * @throws TransientError
 */
export async function completeSubject(
  deps: CompletenessDeps,
  { address, marked }: UnverifiedSubject,
  block: BlockRef,
): Promise<void> {
  const { writer, logger } = deps;
  for (let gap = 0; gap < MAX_GAPS; gap += 1) {
    // The events decide, not the stored document: its mark stays until the events themselves are complete.
    if (await areEventsComplete(deps, address, block)) {
      await writer.refold([address]);
      return;
    }
    if (!(await correctEvents(deps, address, block))) break;
  }
  if (!marked) logger.error({ subject: address }, "events are missing on every endpoint: marked as unverified");
  const reason = "the chain counts other changes than the events that the endpoints give";
  await writer.markUnverified(address, { reason, sinceBlock: block.number });
}

/** Whether the counters that the stored events of a subject lead to are the chain's. */
async function areEventsComplete(deps: CompletenessDeps, address: string, block: BlockRef): Promise<boolean> {
  const { collections, term } = deps;
  const [did, issuer] = await Promise.all([
    refoldDid(collections, term.checkpoint, address),
    refoldIssuer(collections, term.checkpoint, address),
  ]);
  const stored = { _id: address, term: term.number };
  const documents = {
    dids: did ? [{ ...did, ...stored }] : [],
    issuers: issuer ? [{ ...issuer, ...stored }] : [],
  };
  return (await findUnverified(deps, documents, block)).length === 0;
}

/** Corrects the events about a subject by what endpoints have: their logs first, then receipts. False when nothing differs. */
async function correctEvents(deps: CompletenessDeps, address: string, block: BlockRef): Promise<boolean> {
  const { writer, metrics, logger } = deps;
  const byLogs = await findMissing(deps, address, block.number);
  const { missing, extra } =
    byLogs.length > 0 ? { missing: byLogs, extra: [] } : await compareReceipts(deps, address, block.number);
  if (missing.length + extra.length === 0) return false;
  metrics.repairedLogs.inc(missing.length + extra.length);
  const facts = { subject: address, added: missing.length, removed: extra.length };
  logger.warn(facts, "events were corrected by the answers of other requests");
  await writer.removeEvents(extra);
  await writer.insertMissing(missing);
  return true;
}
