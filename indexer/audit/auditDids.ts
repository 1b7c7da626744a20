import type { DidState } from "../../chain/registry/fold";
import { delegateExpiresAt, resolveDid } from "../completeness/chainState";
import { type AskDeps, askContract } from "./askContract";
import { differencesOf } from "./difference";

const ZERO_HASH = `0x${"0".repeat(64)}`;
/** The latest moment of a Date, in seconds. */
const LATEST_SECONDS = 8.64e12;

/** Compares identities with `resolveDID` and their delegations with `delegateExpiresAt`. */
export async function auditDids(deps: AskDeps, page: [string, DidState][]): Promise<void> {
  const questions = page.map(([address]) => resolveDid.ask(address));
  const answers = await askContract(deps, "DIDRegistry", questions);
  page.forEach(([address, did], index) => {
    const chain = recordOf(resolveDid.read(answers[index]), did);
    differencesOf({ collection: "dids", id: address }, storedRecord(did), chain).forEach(deps.report);
  });
  await auditDelegates(deps, page);
}

/** The answer of `resolveDID` in the form of the index; text that is not UTF-8 cannot be compared and is taken as stored. */
function recordOf(record: Record<string, unknown>, stored: DidState): Record<string, unknown> {
  const registered = Number(record["version"]) > 0;
  const hash = String(record["documentHash"]);
  return {
    did: record["did"] ?? stored.did,
    documentUri: record["documentUri"] ?? stored.documentUri,
    documentHash: hash === ZERO_HASH ? null : hash,
    controller: String(record["controller"]).toLowerCase(),
    version: Number(record["version"]),
    statusSequence: Number(record["statusSequence"]),
    nonce: Number(record["nonce"]),
    active: record["active"],
    createdBlock: registered ? Number(record["createdBlock"]) : null,
    createdAt: registered ? Number(record["createdAt"]) : null,
    updatedBlock: registered ? Number(record["updatedBlock"]) : null,
    updatedAt: registered ? Number(record["updatedAt"]) : null,
  };
}

function storedRecord(did: DidState): Record<string, unknown> {
  const { created, updated } = did;
  const seconds = (date: Date | undefined) => (date === undefined ? null : date.getTime() / 1000);
  return {
    did: did.did,
    documentUri: did.documentUri,
    documentHash: did.documentHash,
    controller: did.controller,
    version: did.version,
    statusSequence: did.statusSequence,
    nonce: did.nonce,
    active: did.active,
    createdBlock: created?.blockNumber ?? null,
    createdAt: seconds(created?.minedAt),
    updatedBlock: updated?.blockNumber ?? null,
    updatedAt: seconds(updated?.minedAt),
  };
}

async function auditDelegates(deps: AskDeps, dids: [string, DidState][]): Promise<void> {
  const delegations = dids.flatMap(([_id, { delegates }]) => delegates.map((delegation) => ({ _id, delegation })));
  if (delegations.length === 0) return;
  const questions = delegations.map(({ _id, delegation }) =>
    delegateExpiresAt.ask(_id, delegation.role, delegation.delegate),
  );
  const answers = await askContract(deps, "DIDRegistry", questions);
  delegations.forEach(({ _id, delegation }, index) => {
    const chain = Math.min(Number(delegateExpiresAt.read(answers[index])), LATEST_SECONDS);
    const indexed = delegation.expiresAt.getTime() / 1000;
    if (chain !== indexed) deps.report({ collection: "dids", id: _id, field: "delegates", indexed, chain });
  });
}
