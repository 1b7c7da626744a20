import { affects, type ProjectionKind } from "../../chain/registry/events";
import { type DidState, foldDid, foldIssuer, type IssuerState } from "../../chain/registry/fold";
import { foldWord, wordMergesOf, type WordState } from "../../chain/registry/foldWord";
import type { RegistryCollections } from "../../projection/models";
import { refoldDid, refoldEach, refoldIssuer, refoldWords } from "../../projection/refold";
import { createTable, type Table } from "./table";
import type { Term } from "./term";

/** The tables of the projection, by the names of their collections. */
export type Tables = Record<ProjectionKind, Table>;

/** Makes the tables of the projection, written in one term. */
export function createTables(collections: RegistryCollections, term: Term): Tables {
  return {
    dids: createTable<DidState>({
      collection: collections.dids,
      term,
      stepsOf: (event) =>
        affects(event, "dids") ? [{ key: event.subject, fold: (before) => foldDid(before, event) }] : [],
      refold: (keys) => refoldEach(keys, (address) => refoldDid(collections, term.checkpoint, address)),
    }),
    issuers: createTable<IssuerState>({
      collection: collections.issuers,
      term,
      stepsOf: (event) =>
        affects(event, "issuers") ? [{ key: event.subject, fold: (before) => foldIssuer(before, event) }] : [],
      refold: (keys) => refoldEach(keys, (address) => refoldIssuer(collections, term.checkpoint, address)),
    }),
    words: createTable<WordState>({
      collection: collections.words,
      term,
      stepsOf: (event) =>
        wordMergesOf(event).map((merge) => ({ key: merge.id, fold: (before) => foldWord(before, merge, event) })),
      refold: (keys) => refoldWords(collections, term.checkpoint, keys),
    }),
  };
}
