import type { RegistryWrite } from "../../../chain/registry/consents";
import { readStatuses } from "../../../chain/registry/credentialStatus";
import { isSpendingRefusal } from "../../../chain/relayer/policy";
import type { Relayer } from "../../../chain/relayer/relayer";
import { randomId } from "../../../core/crypto";
import { DomainError } from "../../../core/errors";
import { enqueueLater } from "../../../core/jobs/enqueueLater";
import type { Context } from "../../../process/context";
import { readIndexedStatuses } from "../indexedStatus";
import { type Credential, isDone, requireChangeable, type StatusChange } from "../rules";
import type { CredentialStore } from "../store";
import { type StatusChangeJob, writeOf } from "./rules";
import type { ChangeStore } from "./store";

/** The relayer's name for what changes of status send. */
export const STATUS_CHANGE = "credential-status";

export interface RequestChangeDeps extends Pick<Context, "clock" | "logger"> {
  credentials: Pick<CredentialStore, "ofIssuer" | "hold">;
  changes: Pick<ChangeStore, "insert" | "find">;
  /** Asks a worker to carry out a change; asking twice is harmless. */
  enqueueChange(changeId: string, requestId?: string): Promise<void>;
}

/**
 * Asks for a change of status on the chain. From now on nobody can use a credential that is to be revoked or suspended;
 * a suspension is lifted only when the chain shows it.
 *
 * @throws DomainError `credential.unknown`, `credential.revocation_final`
 */
export async function requestChange(
  { credentials, changes, clock, logger, enqueueChange }: RequestChangeDeps,
  input: { issuer: string; change: StatusChange; credentialIds: string[]; requestId?: string },
): Promise<StatusChangeJob> {
  const { issuer, change } = input;
  const credentialIds = [...new Set(input.credentialIds)];
  const found = await credentials.ofIssuer(issuer, credentialIds);
  if (found.length < credentialIds.length) throw unknownAmong(credentialIds, found);
  requireChangeable(found, change);
  const now = clock.now();
  const job: StatusChangeJob = {
    changeId: randomId(),
    issuer,
    change,
    credentialIds,
    credIds: found.map(({ credId }) => credId).sort(),
    state: "queued",
    transactionHash: null,
    blockNumber: null,
    error: null,
    createdAt: now,
    updatedAt: now,
  };
  // Stored before anything is done: if this process dies now, the worker finds the change and carries it out.
  await changes.insert(job);
  if (change !== "reinstate") await credentials.hold(issuer, credentialIds, { change, changeId: job.changeId });
  enqueueLater(enqueueChange(job.changeId, input.requestId), logger);
  return job;
}

/** @throws DomainError `credential.change_unknown` when there is none or it is another issuer's */
export async function getChange(
  { changes }: Pick<RequestChangeDeps, "changes">,
  { issuer, changeId }: { issuer: string; changeId: string },
): Promise<StatusChangeJob> {
  const job = await changes.find(changeId);
  if (job !== null && job.issuer === issuer) return job;
  throw changeUnknown("There is no such change of status, or it is not yours.");
}

export interface ApplyChangeDeps
  extends Pick<Context, "chain" | "clock" | "projection">, Pick<RequestChangeDeps, "enqueueChange"> {
  changes: ChangeStore;
  credentials: CredentialStore;
  /** Stores an event for the devices of the user who holds a DID, once for each key. */
  appendHolderEvent(event: {
    did: string;
    type: "credential.revoked" | "credential.suspended" | "credential.reinstated";
    key: string;
    payload: { credentialId: string };
    at: Date;
  }): Promise<void>;
  relayer: Relayer;
  /** Has a write mined in an issuer's name; the relayer pays. */
  sendAsIssuer(
    relayer: Relayer,
    request: { kind: string; issuer: string; name: string; write: RegistryWrite },
  ): Promise<void>;
  /** Whether the relayer has yet to report what became of a write it took. */
  isWritePending(relayer: Relayer, write: { issuer: string; name: string }): Promise<boolean>;
}

/**
 * Sends a change to the chain when its turn has come; safe to run twice. An issuer's changes go one after the other, in
 * the order they were asked for: a suspension and its lifting must not change places.
 *
 * @throws DomainError `credential.change_unknown`, `issuer.write_refused`
 * @throws TransientError when it should be tried again
 */
export async function applyChange(deps: ApplyChangeDeps, changeId: string): Promise<void> {
  const { changes, credentials, chain, clock } = deps;
  const job = await changes.find(changeId);
  if (job === null) throw changeUnknown(`There is no change of status ${changeId}.`);
  if (job.state !== "queued" && job.state !== "submitted") return;
  const { issuer, change, credentialIds, credIds } = job;
  // The process that stored the change may have died before it held the credentials.
  if (change !== "reinstate") await credentials.hold(issuer, credentialIds, { change, changeId });
  const first = await changes.firstUnmined(issuer);
  if (first?.changeId !== changeId) return;

  const bits = await readStatuses(chain, credIds);
  const name = `status/${changeId}`;
  if (bits.every((status) => isDone(change, status))) {
    // Mined by our own transaction: the relayer's report names its block.
    if (await deps.isWritePending(deps.relayer, { issuer, name })) return;
    await changes.markMined(changeId, null, clock.now());
    await enqueueNext(deps, issuer);
    return;
  }
  const write = writeOf(change, credIds);
  try {
    await deps.sendAsIssuer(deps.relayer, { kind: STATUS_CHANGE, issuer, name, write });
  } catch (error) {
    if (!isSpendingRefusal(error)) throw error;
    // A revocation is never given up for want of money: the sweep queues it again until it is paid for.
    await changes.recordError(changeId, error.message, clock.now());
  }
}

/** Gives a change up: what it held is usable again, and the issuer's next change has its turn. */
export async function failChange(
  deps: Pick<ApplyChangeDeps, "changes" | "credentials" | "clock" | "enqueueChange">,
  { changeId, error }: { changeId: string; error: Error },
): Promise<void> {
  const { changes, credentials, clock } = deps;
  const job = await changes.find(changeId);
  if (job === null) return;
  await changes.markFailed(changeId, error.message, clock.now());
  await credentials.releaseHold(job.credentialIds, changeId);
  await enqueueNext(deps, job.issuer);
}

/**
 * Ends a mined change: final once the index shows it. One that a reorg took out of the chain is queued again.
 *
 * @param input.overdue whether the index should have shown it long ago
 */
export async function finalizeChange(
  deps: Pick<
    ApplyChangeDeps,
    "changes" | "credentials" | "chain" | "clock" | "projection" | "enqueueChange" | "appendHolderEvent"
  >,
  { job, overdue }: { job: StatusChangeJob; overdue: boolean },
): Promise<"final" | "waiting" | "requeued"> {
  const { changes, credentials, chain, clock } = deps;
  const { change, changeId, credIds } = job;
  const indexed = await readIndexedStatuses(deps.projection, credIds);
  const shown = credIds.every((credId) => isDone(change, indexed.get(credId) ?? { revoked: false, suspended: false }));
  if (shown) {
    // Before the state: dying in between repeats this, and lifting twice is harmless.
    if (change === "reinstate") await credentials.liftSuspension(job.credentialIds);
    await tellHolders(deps, job);
    await changes.markFinal(changeId, clock.now());
    return "final";
  }
  if (!overdue) return "waiting";
  const bits = await readStatuses(chain, credIds);
  if (bits.every((status) => isDone(change, status))) return "waiting";
  await changes.requeue(changeId, clock.now());
  await deps.enqueueChange(changeId);
  return "requeued";
}

const EVENT_OF = {
  revoke: "credential.revoked",
  suspend: "credential.suspended",
  reinstate: "credential.reinstated",
} as const satisfies Record<StatusChange, string>;

/** Before the state: dying in between repeats this, and each event is stored once. */
async function tellHolders(
  { credentials, clock, appendHolderEvent }: Pick<ApplyChangeDeps, "credentials" | "clock" | "appendHolderEvent">,
  { issuer, change, changeId, credentialIds }: StatusChangeJob,
): Promise<void> {
  const at = clock.now();
  for (const { credentialId, subjectDid: did } of await credentials.ofIssuer(issuer, credentialIds)) {
    const key = `${changeId}/${credentialId}`;
    await appendHolderEvent({ did, type: EVENT_OF[change], key, payload: { credentialId }, at });
  }
}

/** Queues the issuer's first change that is not mined, if there is one. */
export async function enqueueNext(
  { changes, enqueueChange }: Pick<ApplyChangeDeps, "changes" | "enqueueChange">,
  issuer: string,
): Promise<void> {
  const next = await changes.firstUnmined(issuer);
  if (next !== null) await enqueueChange(next.changeId);
}

function changeUnknown(message: string): DomainError {
  return new DomainError("credential.change_unknown", "not_found", message);
}

function unknownAmong(asked: string[], found: Credential[]): DomainError {
  const known = new Set(found.map(({ credentialId }) => credentialId));
  const missing = asked.filter((credentialId) => !known.has(credentialId));
  const message = `These are no credentials of yours, and none was changed: ${missing.join(", ")}.`;
  return new DomainError("credential.unknown", "not_found", message, { details: { credentialIds: missing } });
}
