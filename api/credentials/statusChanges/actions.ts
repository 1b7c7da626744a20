import type { Clock } from "../../../core/clock";
import { DomainError } from "../../../core/errors";
import type { Chain } from "../../../chain/client";
import type { RegistryWrite } from "../../../chain/registry/consents";
import { readStatuses } from "../../../chain/registry/credentialStatus";
import type { RelayHandler } from "../../../chain/relayer/handlers";
import type { ChangeStore, StatusChangeJob } from "./store";
import { writeOf } from "./rules";
import { type StatusBits, isDone } from "../rules";
import type { CredentialStore } from "../store";

/** The relayer's name for what changes of status send. */
export const STATUS_CHANGE = "credential-status";

/** What carrying out a change of status needs from around it. */
export interface ApplyChangeParts {
  changes: ChangeStore;
  credentials: CredentialStore;
  chain: Pick<Chain, "didRegistry">;
  clock: Clock;
  /** Has a write mined in the issuer's name; the relayer pays. */
  sendAsIssuer(request: { kind: string; issuer: string; name: string; write: RegistryWrite }): Promise<void>;
  enqueueChange(changeId: string): Promise<void>;
  /** Both bits as the index has them, by credId. */
  indexedStatus(credIds: string[]): Promise<Map<string, StatusBits>>;
}

/**
 * Sends a change to the chain when its turn has come; safe to run twice. An issuer's changes go one after the other, in
 * the order they were asked for: a suspension and its lifting must not change places.
 *
 * @throws DomainError `credential.change_unknown`, `issuer.write_refused`
 * @throws TransientError when it should be tried again
 */
export async function applyChange(parts: ApplyChangeParts, changeId: string): Promise<void> {
  const { changes, credentials, chain, clock } = parts;
  const job = await changes.find(changeId);
  if (job === null)
    throw new DomainError("credential.change_unknown", "not_found", `There is no change of status ${changeId}.`);
  if (job.state !== "queued" && job.state !== "submitted") return;
  const { issuer, change, credentialIds, credIds } = job;
  // Whoever recorded the change may have died before it held the credentials.
  if (change !== "reinstate") await credentials.hold(issuer, credentialIds, { change, changeId });
  const head = await changes.head(issuer);
  if (head === null || head.changeId !== changeId) return;

  const [first, ...others] = credIds;
  if (first === undefined) throw new RangeError(`the change ${changeId} names no credential`);
  const bits = await readStatuses(chain, credIds);
  if (bits.every((status) => isDone(change, status))) {
    await changes.noteMined(changeId, null, clock.now());
    await enqueueNext(parts, issuer);
    return;
  }
  const write = writeOf(change, [first, ...others]);
  await parts.sendAsIssuer({ kind: STATUS_CHANGE, issuer, name: `status/${changeId}`, write });
}

/** Gives a change up: what it held is usable again, and the issuer's next change has its turn. */
export async function failChange(parts: ApplyChangeParts, changeId: string, error: Error): Promise<void> {
  const { changes, credentials, clock } = parts;
  const job = await changes.find(changeId);
  if (job === null) return;
  await changes.noteFailed(changeId, error.message, clock.now());
  await credentials.release(job.credentialIds, changeId);
  await enqueueNext(parts, job.issuer);
}

/**
 * Ends a change that is in a block: final once the index shows it. One that the chain forgot in a reorg is queued again.
 *
 * @param unseen whether the index should have shown it long ago
 */
export async function settleChange(
  parts: ApplyChangeParts,
  job: StatusChangeJob,
  unseen: boolean,
): Promise<"final" | "waiting" | "requeued"> {
  const { changes, credentials, chain, clock } = parts;
  const { change, changeId, credIds } = job;
  const indexed = await parts.indexedStatus(credIds);
  const shown = credIds.every((credId) => isDone(change, indexed.get(credId) ?? { revoked: false, suspended: false }));
  if (shown) {
    // Before the state: dying in between repeats this, and lifting twice is harmless.
    if (change === "reinstate") await credentials.liftSuspension(job.credentialIds);
    await changes.noteFinal(changeId, clock.now());
    return "final";
  }
  if (!unseen) return "waiting";
  const bits = await readStatuses(chain, credIds);
  if (bits.every((status) => isDone(change, status))) return "waiting";
  await changes.noteForgotten(changeId, clock.now());
  await parts.enqueueChange(changeId);
  return "requeued";
}

/** Follows the relayer's transactions. */
export function statusChangeHandler(
  parts: Pick<ApplyChangeParts, "changes" | "clock" | "enqueueChange">,
): RelayHandler {
  const { changes, clock } = parts;
  return {
    onBroadcast: ({ key }, transactionHash) => changes.noteSubmitted(changeIdOf(key), transactionHash, clock.now()),
    onRetryableError: ({ key }, trouble) => changes.noteFault(changeIdOf(key), trouble.message, clock.now()),
    async onOutcome({ key }, outcome) {
      const changeId = changeIdOf(key);
      if (outcome.state !== "mined") {
        // Its turn again: it is signed anew, or given up after a few times.
        await parts.enqueueChange(changeId);
        return;
      }
      const { transactionHash, blockNumber } = outcome;
      await changes.noteMined(changeId, { transactionHash, blockNumber }, clock.now());
      const job = await changes.find(changeId);
      if (job !== null) await enqueueNext(parts, job.issuer);
    },
  };
}

async function enqueueNext(parts: Pick<ApplyChangeParts, "changes" | "enqueueChange">, issuer: string): Promise<void> {
  const next = await parts.changes.head(issuer);
  if (next !== null) await parts.enqueueChange(next.changeId);
}

/** Keys are `status/<changeId>/<registry>/<attempt>`. */
function changeIdOf(key: string): string {
  return key.split("/")[1] ?? "";
}
