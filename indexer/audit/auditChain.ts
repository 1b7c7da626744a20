import type { DidState, IssuerState } from "../../chain/registry/fold";
import type { WordState } from "../../chain/registry/foldWord";
import { blockOf } from "../../chain/registry/position";
import { assertNever } from "../../core/errors";
import { issuerOf, statusWords } from "../completeness/chainState";
import { type AskDeps, askContract } from "./askContract";
import { auditDids } from "./auditDids";
import { differencesOf, type ProjectionCollection } from "./difference";

/** So many documents are compared at once. */
const PAGE = 50;

/**
 * Compares what the events say with the contracts' own state: `resolveDID`, delegations, `issuerOf`, `statusWords`.
 *
 * @param states of one collection, by `_id`
 */
export async function auditChain(
  deps: AskDeps,
  collection: ProjectionCollection,
  states: Map<string, object>,
): Promise<void> {
  // What changed after the block at which the chain is asked is left to a later audit.
  const unchanged = [...(states as Map<string, { position: number }>)].filter(
    ([, { position }]) => blockOf(position) <= deps.at.number,
  );
  for (let from = 0; from < unchanged.length; from += PAGE) {
    await auditPage(deps, collection, unchanged.slice(from, from + PAGE));
  }
}

function auditPage(deps: AskDeps, collection: ProjectionCollection, page: unknown[]): Promise<void> {
  switch (collection) {
    case "dids":
      return auditDids(deps, page as [string, DidState][]);
    case "issuers":
      return auditIssuers(deps, page as [string, IssuerState][]);
    case "status_words":
      return auditWords(deps, page as [string, WordState][]);
    default:
      return assertNever(collection);
  }
}

async function auditIssuers(deps: AskDeps, page: [string, IssuerState][]): Promise<void> {
  const questions = page.map(([address]) => issuerOf.ask(address));
  const answers = await askContract(deps, "IssuerRegistry", questions);
  page.forEach(([address, issuer], index) => {
    const answer = issuerOf.read(answers[index]);
    const indexed = {
      accredited: issuer.accredited,
      metadataUri: issuer.metadataUri,
      version: issuer.version,
      updatedAt: issuer.updated.minedAt.getTime() / 1000,
    };
    const chain = {
      accredited: answer["accredited"],
      metadataUri: answer["metadataUri"] ?? issuer.metadataUri,
      version: Number(answer["version"]),
      updatedAt: Number(answer["updatedAt"]),
    };
    differencesOf({ collection: "issuers", id: address }, indexed, chain).forEach(deps.report);
  });
}

async function auditWords(deps: AskDeps, page: [string, WordState][]): Promise<void> {
  const questions = page.map(([, { issuer, purpose, word }]) =>
    statusWords.ask(issuer, purpose, BigInt(`0x${word}`), 1),
  );
  const answers = await askContract(deps, "DIDRegistry", questions);
  page.forEach(([id, { bits }], index) => {
    const [chain] = statusWords.read(answers[index]);
    differencesOf({ collection: "status_words", id }, { bits }, { bits: chain }).forEach(deps.report);
  });
}
