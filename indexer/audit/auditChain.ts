import { blockOf } from "../../chain/registry/position";
import { STATUS_PURPOSES } from "../../chain/registry/statusWord";
import type { DidState, IssuerState } from "../../chain/registry/fold";
import type { WordState } from "../../chain/registry/foldWord";
import type { BlockRef, CheckpointDocument } from "../../projection/models";
import { callAt, delegateExpiresAt, issuerOf, resolveDid, statusWords } from "../completeness/chainState";
import { type Difference, differencesOf, type Report } from "./difference";
import type { Source } from "../rpc/source";

const PAGE = 50;
const ZERO_HASH = `0x${"0".repeat(64)}`;
const LATEST_SECONDS = 8.64e12;

interface Parts {
  source: Source;
  checkpoint: CheckpointDocument;
  /** The block at which the chain is asked. */
  at: BlockRef;
  report: Report;
}

/**
 * Compares what the events say with the contracts' own state: `resolveDID`, delegations, `issuerOf`, `statusWords`.
 *
 * @param states of one collection, by `_id`
 */
export async function auditChain(
  parts: Parts,
  collection: Difference["collection"],
  states: Map<string, object>,
): Promise<void> {
  // What changed after the block that the chain is asked about is another audit's.
  const settled = [...(states as Map<string, { position: number }>)].filter(
    ([, { position }]) => blockOf(position) <= parts.at.number,
  );
  for (let from = 0; from < settled.length; from += PAGE) {
    const page = settled.slice(from, from + PAGE) as unknown[];
    if (collection === "dids") await auditDids(parts, page as [string, DidState][]);
    if (collection === "issuers") await auditIssuers(parts, page as [string, IssuerState][]);
    if (collection === "status_words") await auditWords(parts, page as [string, WordState][]);
  }
}

function ask(parts: Parts, to: string, questions: string[]): Promise<unknown[]> {
  return parts.source.ask(`the contracts' state at block ${parts.at.number}`, (endpoint) =>
    endpoint.callAll(questions.map((data) => callAt(to, data, parts.at.hash))),
  );
}

async function auditDids(parts: Parts, page: [string, DidState][]): Promise<void> {
  const { DIDRegistry } = parts.checkpoint.contracts;
  const answers = await ask(
    parts,
    DIDRegistry,
    page.map(([address]) => resolveDid.ask(address)),
  );
  page.forEach(([address, did], index) => {
    const chain = recordOf(resolveDid.read(answers[index]), did);
    differencesOf({ collection: "dids", id: address }, storedRecord(did), chain).forEach(parts.report);
  });
  await auditDelegates(parts, page);
}

/** What `resolveDID` tells, as the index words it; text that is not UTF-8 cannot be compared and is taken as stored. */
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
  const { documentUri, documentHash, controller, version, statusSequence, nonce, active, created, updated } = did;
  const seconds = (date: Date | undefined) => (date === undefined ? null : date.getTime() / 1000);
  return {
    did: did.did,
    documentUri,
    documentHash,
    controller,
    version,
    statusSequence,
    nonce,
    active,
    createdBlock: created?.blockNumber ?? null,
    createdAt: seconds(created?.minedAt),
    updatedBlock: updated?.blockNumber ?? null,
    updatedAt: seconds(updated?.minedAt),
  };
}

async function auditDelegates(parts: Parts, dids: [string, DidState][]): Promise<void> {
  const held = dids.flatMap(([_id, { delegates }]) => delegates.map((delegation) => ({ _id, delegation })));
  if (held.length === 0) return;
  const answers = await ask(
    parts,
    parts.checkpoint.contracts.DIDRegistry,
    held.map(({ _id, delegation }) => delegateExpiresAt.ask(_id, delegation.role, delegation.delegate)),
  );
  held.forEach(({ _id, delegation }, index) => {
    const chain = Math.min(Number(delegateExpiresAt.read(answers[index])), LATEST_SECONDS);
    const indexed = delegation.expiresAt.getTime() / 1000;
    if (chain !== indexed) parts.report({ collection: "dids", id: _id, field: "delegates", indexed, chain });
  });
}

async function auditIssuers(parts: Parts, page: [string, IssuerState][]): Promise<void> {
  const { IssuerRegistry } = parts.checkpoint.contracts;
  const answers = await ask(
    parts,
    IssuerRegistry,
    page.map(([address]) => issuerOf.ask(address)),
  );
  page.forEach(([address, issuer], index) => {
    const { accredited, metadataUri, version, updatedBlock, updatedAt } = issuerOf.read(answers[index]);
    const indexed = {
      accredited: issuer.accredited,
      metadataUri: issuer.metadataUri,
      version: issuer.version,
      updatedBlock: issuer.updated.blockNumber,
      updatedAt: issuer.updated.minedAt.getTime() / 1000,
    };
    const chain = {
      accredited,
      metadataUri: metadataUri ?? issuer.metadataUri,
      version: Number(version),
      updatedBlock: Number(updatedBlock),
      updatedAt: Number(updatedAt),
    };
    differencesOf({ collection: "issuers", id: address }, indexed, chain).forEach(parts.report);
  });
}

async function auditWords(parts: Parts, page: [string, WordState][]): Promise<void> {
  const questions = page.map(([, { issuer, purpose, word }]) =>
    statusWords.ask(issuer, STATUS_PURPOSES.indexOf(purpose), BigInt(`0x${word}`), 1),
  );
  const answers = await ask(parts, parts.checkpoint.contracts.DIDRegistry, questions);
  page.forEach(([id, { bits }], index) => {
    const [chain] = statusWords.read(answers[index]);
    differencesOf({ collection: "status_words", id }, { bits }, { bits: chain }).forEach(parts.report);
  });
}
