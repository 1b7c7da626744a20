import type { DidState } from "../../chain/registry/fold";
import { valueOrNull } from "../../chain/registry/answerWords";
import { formatNonce } from "../../chain/registry/nonce";
import { delegateExpiresAt, resolveDid } from "../completeness/chainState";
import { type AskDeps, askContract } from "./askContract";
import { differencesOf } from "./difference";

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
  const changed = Number(record["version"]) > 0;
  return {
    registered: record["registered"],
    documentUri: record["documentUri"] ?? stored.documentUri,
    documentHash: valueOrNull(String(record["documentHash"])),
    controller: String(record["controller"]).toLowerCase(),
    successor: valueOrNull(String(record["successor"])),
    active: record["active"],
    version: Number(record["version"]),
    controlVersion: Number(record["controlVersion"]),
    statusSequence: Number(record["statusSequence"]),
    anchorSequence: Number(record["anchorSequence"]),
    nonce: record["nonce"],
    createdAt: changed ? Number(record["createdAt"]) : null,
    updatedAt: changed ? Number(record["updatedAt"]) : null,
  };
}

function storedRecord(did: DidState): Record<string, unknown> {
  const { controlVersion, nonceCount, created, updated } = did;
  const seconds = (date: Date | undefined) => (date === undefined ? null : date.getTime() / 1000);
  return {
    registered: did.registration !== null,
    documentUri: did.documentUri,
    documentHash: did.documentHash,
    controller: did.controller,
    successor: did.successor,
    active: did.active,
    version: did.version,
    controlVersion,
    statusSequence: did.statusSequence,
    anchorSequence: did.anchorSequence,
    nonce: formatNonce({ grant: controlVersion, count: nonceCount }),
    createdAt: seconds(created?.minedAt),
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
