import { positionOf } from "../../chain/registry/position";
import type { BlockRef, DidDocument, IssuerDocument, RegistryCollections } from "../../projection/models";
import type { Logger } from "../../core/logger";
import { refoldDid, refoldIssuer } from "../../projection/refold";
import { type Counters, countersAt, issuerVersionsAt } from "./chainState";
import type { Term } from "../write/term";
import { findMissing } from "./findMissing";
import type { FetchOptions } from "../fetch/blockRange";
import type { IndexerMetrics } from "../metrics";
import type { ProjectionWriter } from "../write/writer";
import { reexamine } from "./compareReceipts";
import { retryIncompleteBlocks } from "./retryIncomplete";
import type { Source } from "../rpc/source";

/** So many identities are proven in one go, so that a long backlog never keeps new blocks waiting. */
const PAGE = 200;
/** An identity with several gaps is mended one after another. */
const MENDING_TRIES = 10;
/** Every so many calls, what is in doubt is searched for again. */
const RETRY_EVERY = 50;

export interface ProverParts {
  source: Source;
  writer: ProjectionWriter;
  term: Term;
  collections: RegistryCollections;
  fetch: FetchOptions;
  metrics: IndexerMetrics;
  logger: Logger;
}

/** Proves that no event is missing: each identity's gapless counters are compared with the chain's own. */
export interface Prover {
  /**
   * Proves a page of what changed since the last call. What does not agree is searched for on every endpoint; what is
   * not found there leaves the identity `unverified`.
   *
   * @throws LeaseLostError
   * @throws TransientError
   */
  prove(): Promise<void>;
}

interface Subject {
  address: string;
  doubtful: boolean;
}

/** Makes the prover of one term; it goes on from the checkpoint's verified height. */
export function makeProver(parts: ProverParts): Prover {
  const { source, writer, term, collections, metrics, logger } = parts;
  let provenPosition = positionOf(term.checkpoint.verifiedNumber + 1, 0) - 1;
  let rewinds = term.checkpoint.rewinds;
  let rounds = 0;

  /** Documents whose last event is beyond what is proven, the oldest change first: IXSCAN position_1. */
  async function page<Document extends { position: number }>(
    collection: RegistryCollections["dids"] | RegistryCollections["issuers"],
  ): Promise<Document[]> {
    const query = (collection as RegistryCollections["dids"]).find({ position: { $gt: provenPosition } });
    return (await query.sort({ position: 1 }).limit(PAGE).toArray()) as unknown as Document[];
  }

  async function disagreeing(dids: DidDocument[], issuers: IssuerDocument[], block: BlockRef): Promise<Subject[]> {
    if (dids.length + issuers.length === 0) return [];
    const [counters, versions] = await source.ask(`the counters at block ${block.number}`, (endpoint) =>
      Promise.all([
        countersAt(
          endpoint,
          term.checkpoint,
          dids.map(({ _id }) => _id),
          block.hash,
        ),
        issuerVersionsAt(
          endpoint,
          term.checkpoint,
          issuers.map(({ _id }) => _id),
          block.hash,
        ),
      ]),
    );
    return [
      ...dids.filter((did, index) => did.unverified !== null || !agree(did, counters[index])),
      ...issuers.filter((issuer, index) => issuer.unverified !== null || issuer.version !== versions[index]),
    ].map(({ _id, unverified }) => ({ address: _id, doubtful: unverified !== null }));
  }

  async function mend(subject: Subject, block: BlockRef): Promise<void> {
    const { address } = subject;
    for (let tries = 0; tries < MENDING_TRIES; tries += 1) {
      // Judged by what the events say, not by what is stored: a mark stays until the events themselves are sound.
      if (await isSound(address, block)) {
        await writer.refold([address]);
        return;
      }
      if (!(await correct(address, block))) break;
    }
    if (!subject.doubtful)
      logger.error({ subject: address }, "events are missing on every endpoint: marked as unverified");
    await writer.markUnverified(address, {
      reason: "the chain counts other changes than the events that the endpoints give",
      sinceBlock: block.number,
    });
  }

  /** Corrects the events about a subject by what endpoints have: their logs first, then receipts. False without a find. */
  async function correct(address: string, block: BlockRef): Promise<boolean> {
    const missing = await findMissing(parts, address, block.number);
    const found = missing.length > 0 ? { missing, extra: [] } : await reexamine(parts, address, block.number);
    if (found.missing.length + found.extra.length === 0) return false;
    metrics.repairedLogs.inc(found.missing.length + found.extra.length);
    const counts = { added: found.missing.length, removed: found.extra.length };
    logger.warn({ subject: address, ...counts }, "events were corrected by what other answers say");
    await writer.removeEvents(found.extra);
    await writer.insertMissing(found.missing);
    return true;
  }

  async function isSound(address: string, block: BlockRef): Promise<boolean> {
    const [did, issuer] = await Promise.all([
      refoldDid(collections, term.checkpoint, address),
      refoldIssuer(collections, term.checkpoint, address),
    ]);
    const stored = { _id: address, term: term.number };
    const dids = did ? [{ ...did, ...stored }] : [];
    return (await disagreeing(dids, issuer ? [{ ...issuer, ...stored }] : [], block)).length === 0;
  }

  /** Identities in doubt are searched for again now and then: an endpoint may have mended. */
  async function retryDoubtful(block: BlockRef): Promise<void> {
    const filter = { "unverified.sinceBlock": { $gte: 0 } };
    const [dids, issuers] = await Promise.all([
      collections.dids.find(filter).limit(PAGE).toArray(),
      collections.issuers.find(filter).limit(PAGE).toArray(),
    ]);
    for (const { _id } of [...dids, ...issuers]) await mend({ address: _id, doubtful: true }, block);
    metrics.unverified.set(dids.length + issuers.length);
    await retryIncompleteBlocks(parts);
    metrics.incompleteBlocks.set(term.checkpoint.incompleteBlocks.length);
  }

  return {
    async prove() {
      const { indexed } = term.checkpoint;
      if (indexed === null) return;
      if (term.checkpoint.rewinds !== rewinds) {
        rewinds = term.checkpoint.rewinds;
        provenPosition = Math.min(provenPosition, positionOf(term.checkpoint.verifiedNumber + 1, 0) - 1);
      }
      rounds += 1;
      if (rounds % RETRY_EVERY === 0) await retryDoubtful(indexed);
      if (term.checkpoint.verifiedNumber >= indexed.number) return;

      const [dids, issuers] = await Promise.all([
        page<DidDocument>(collections.dids),
        page<IssuerDocument>(collections.issuers),
      ]);
      for (const subject of await disagreeing(dids, issuers, indexed)) await mend(subject, indexed);
      // Both lists are in order, and a full one may go on: what is proven ends where the shorter of them ends.
      const ends = [dids, issuers].filter((list) => list.length === PAGE).map((list) => list.at(-1)?.position ?? 0);
      if (ends.length > 0) {
        provenPosition = Math.min(...ends);
        return;
      }
      provenPosition = positionOf(indexed.number + 1, 0) - 1;
      await term.write({ verifiedNumber: indexed.number });
    },
  };
}

function agree(did: DidDocument, counters: Counters | undefined): boolean {
  return (
    did.version === counters?.version && did.statusSequence === counters.statusSequence && did.nonce === counters.nonce
  );
}
