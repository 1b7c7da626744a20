import type { Relayer } from "../../chain/relayer/relayer";
import { createLruCache } from "../../core/lruCache";
import type { Context } from "../../process/context";
import { defineModule } from "../http/module";
import { authenticateIssuer, getAssertionKeys, getCredentialSigner, type IssuerDeps, takeIndex } from "./actions";
import { ISSUER_ANCHORING } from "./anchoring/actions";
import { createIssuerAnchoringQueue, enqueueIssuerAnchoring, startIssuerWorker } from "./anchoring/jobs";
import { issuerAnchoringHandler } from "./anchoring/relayHandler";
import { issuerEndpoints } from "./routes";
import { type IssuerWrite, sendAsIssuer } from "./signer";
import { createIssuerStore } from "./store";

/** Documents whose keys are cached: far more than an installation's issuers have. */
const MAX_CACHED_DOCUMENTS = 10_000;

/** What the actions of issuers need; also for the command that onboards issuers from a terminal. */
export function issuerDepsOf(context: Context) {
  const queue = createIssuerAnchoringQueue(context);
  return {
    ...context,
    queue,
    issuers: createIssuerStore(context.mongo),
    assertionKeys: createLruCache(MAX_CACHED_DOCUMENTS),
    enqueueAnchoring: (address, requestId) => enqueueIssuerAnchoring(queue, address, requestId),
  } satisfies IssuerDeps & { queue: unknown };
}

/** Issuers, their keys, their DID documents and their anchoring on the chain. */
export function createIssuers(context: Context) {
  const deps = issuerDepsOf(context);
  return defineModule({
    name: "issuers",
    endpoints: issuerEndpoints(deps),
    queues: [deps.queue],
    relayHandlers: { [ISSUER_ANCHORING]: issuerAnchoringHandler(deps) },
    workers: [{ name: "issuers", start: ({ relayer }) => startIssuerWorker({ ...deps, relayer, jobs: context }) }],
    ports: {
      authenticateIssuer: (apiKey: string) => authenticateIssuer(deps, apiKey),
      signerOf: (issuer: string) => getCredentialSigner(deps, issuer),
      takeIndex: (issuer: string) => takeIndex(deps, issuer),
      assertionKeys: (address: string, documentHash: string) => getAssertionKeys(deps, { address, documentHash }),
      sendAsIssuer: (relayer: Relayer, write: IssuerWrite) => sendAsIssuer({ ...deps, relayer }, write),
    },
  });
}
