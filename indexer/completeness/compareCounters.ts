import type { BlockRef, DidDocument, IssuerDocument } from "../../projection/models";
import { type Counters, countersAt, issuerVersionsAt } from "./chainState";
import type { CompletenessDeps } from "./completenessDeps";

/** An identity or issuer whose counters do not agree with the chain's, or that is marked as unverified. */
export interface UnverifiedSubject {
  address: string;
  /** Whether it is marked already. */
  marked: boolean;
}

/**
 * Compares the counters of documents with the chain's own at a block.
 *
 * @returns the subjects that do not agree, and those that are marked as unverified
 * @throws TransientError when no endpoint answers
 */
export async function findUnverified(
  { source, term }: Pick<CompletenessDeps, "source" | "term">,
  { dids, issuers }: { dids: DidDocument[]; issuers: IssuerDocument[] },
  block: BlockRef,
): Promise<UnverifiedSubject[]> {
  if (dids.length + issuers.length === 0) return [];
  const [counters, versions] = await source.ask(`the counters at block ${block.number}`, (endpoint) =>
    Promise.all([
      countersAt(endpoint, term.checkpoint, idsOf(dids), block.hash),
      issuerVersionsAt(endpoint, term.checkpoint, idsOf(issuers), block.hash),
    ]),
  );
  return [
    ...dids.filter((did, index) => did.unverified !== null || !isSame(did, counters[index])),
    ...issuers.filter((issuer, index) => issuer.unverified !== null || issuer.version !== versions[index]),
  ].map(({ _id, unverified }) => ({ address: _id, marked: unverified !== null }));
}

function idsOf(documents: { _id: string }[]): string[] {
  return documents.map(({ _id }) => _id);
}

function isSame(did: DidDocument, counters: Counters | undefined): boolean {
  return (
    did.version === counters?.version &&
    did.statusSequence === counters.statusSequence &&
    did.anchorSequence === counters.anchorSequence &&
    did.nonceCount === counters.nonceCount
  );
}
