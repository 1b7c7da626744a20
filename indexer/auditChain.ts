import { blockOf, STATUS_PURPOSES } from "../core/registry/events";
import { type BlockRef, type CheckpointDocument, countsIn, type DidDocument, type RegistryCollections } from "../core/registry/models";
import { callAt, delegateExpiresAt, issuerOf, resolveDid, statusWords } from "./chainState";
import { differencesOf, type Report } from "./difference";
import type { Source } from "./source";

const PAGE = 50;
const ZERO_HASH = `0x${"0".repeat(64)}`;
const LATEST_SECONDS = 8.64e12;

interface Parts {
  collections: RegistryCollections;
  source: Source;
  checkpoint: CheckpointDocument;
  /** The block at which the chain is asked. */
  at: BlockRef;
  report: Report;
}

/** Compares the projection with the contracts' own state: `resolveDID`, delegations, `issuerOf`, `statusWords`. */
export async function auditChain(parts: Parts): Promise<void> {
  await auditDids(parts);
  await auditIssuers(parts);
  await auditWords(parts);
}

async function* pages<Document extends { _id: string; reign: number; position: number }>(
  documents: AsyncIterable<Document>,
  { checkpoint, at }: Parts,
): AsyncGenerator<Document[]> {
  let page: Document[] = [];
  for await (const document of documents) {
    const block = blockOf(document.position);
    // What changed after the block that the chain is asked about is another audit's.
    if (block > at.number || !countsIn(checkpoint, document.reign, block)) continue;
    page.push(document);
    if (page.length === PAGE) {
      yield page;
      page = [];
    }
  }
  if (page.length > 0) yield page;
}

function ask(parts: Parts, to: string, questions: string[]): Promise<unknown[]> {
  return parts.source.ask(`the contracts' state at block ${parts.at.number}`, (endpoint) =>
    endpoint.callAll(questions.map((data) => callAt(to, data, parts.at.hash))),
  );
}

async function auditDids(parts: Parts): Promise<void> {
  const { DIDRegistry } = parts.checkpoint.contracts;
  for await (const page of pages(parts.collections.dids.find({}), parts)) {
    const answers = await ask(
      parts,
      DIDRegistry,
      page.map(({ _id }) => resolveDid.ask(_id)),
    );
    page.forEach((did, index) => {
      const chain = recordOf(resolveDid.read(answers[index]), did);
      differencesOf({ collection: "dids", id: did._id }, storedRecord(did), chain).forEach(parts.report);
    });
    await auditDelegates(parts, page);
  }
}

/** What `resolveDID` tells, as the index words it; text that is not UTF-8 cannot be compared and is taken as stored. */
function recordOf(record: Record<string, unknown>, stored: DidDocument): Record<string, unknown> {
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

function storedRecord(did: DidDocument): Record<string, unknown> {
  const { documentUri, documentHash, controller, version, statusSequence, nonce, active, created, updated } = did;
  const seconds = (date: Date | undefined) => (date === undefined ? null : date.getTime() / 1000);
  return {
    ...{ did: did.did, documentUri, documentHash, controller, version, statusSequence, nonce, active },
    createdBlock: created?.blockNumber ?? null,
    createdAt: seconds(created?.minedAt),
    updatedBlock: updated?.blockNumber ?? null,
    updatedAt: seconds(updated?.minedAt),
  };
}

async function auditDelegates(parts: Parts, dids: DidDocument[]): Promise<void> {
  const held = dids.flatMap(({ _id, delegates }) => delegates.map((delegation) => ({ _id, delegation })));
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

async function auditIssuers(parts: Parts): Promise<void> {
  const { IssuerRegistry } = parts.checkpoint.contracts;
  for await (const page of pages(parts.collections.issuers.find({}), parts)) {
    const answers = await ask(
      parts,
      IssuerRegistry,
      page.map(({ _id }) => issuerOf.ask(_id)),
    );
    page.forEach((issuer, index) => {
      const { accredited, metadataUri, version, updatedBlock, updatedAt } = issuerOf.read(answers[index]);
      const indexed = {
        ...{ accredited: issuer.accredited, metadataUri: issuer.metadataUri, version: issuer.version },
        updatedBlock: issuer.updated.blockNumber,
        updatedAt: issuer.updated.minedAt.getTime() / 1000,
      };
      const chain = {
        ...{ accredited, metadataUri: metadataUri ?? issuer.metadataUri, version: Number(version) },
        ...{ updatedBlock: Number(updatedBlock), updatedAt: Number(updatedAt) },
      };
      differencesOf({ collection: "issuers", id: issuer._id }, indexed, chain).forEach(parts.report);
    });
  }
}

async function auditWords(parts: Parts): Promise<void> {
  const { DIDRegistry } = parts.checkpoint.contracts;
  for await (const page of pages(parts.collections.words.find({}), parts)) {
    // By the document's name rather than its fields: those are what is being audited.
    const questions = page.map(({ _id }) => {
      const [issuer = "", purpose = "", word = ""] = _id.split(":");
      const index = STATUS_PURPOSES.findIndex((name) => name === purpose);
      return statusWords.ask(issuer, index, BigInt(`0x${word}`), 1);
    });
    const answers = await ask(parts, DIDRegistry, questions);
    page.forEach(({ _id, bits }, index) => {
      const [chain] = statusWords.read(answers[index]);
      differencesOf({ collection: "status_words", id: _id }, { bits }, { bits: chain }).forEach(parts.report);
    });
  }
}
