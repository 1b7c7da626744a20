import type { Relayer } from "../../chain/relayer/relayer";
import { createLruCache } from "../../core/lruCache";
import type { Context } from "../../process/context";
import { defineModule } from "../http/module";
import { authenticateIssuer, getAssertionKeys, getCredentialSigner, takeIndex } from "./actions";
import { ISSUER_ANCHORING } from "./anchoring/actions";
import { createIssuerJobs } from "./anchoring/jobs";
import { issuerAnchoringHandler } from "./anchoring/relayHandler";
import { issuerEndpoints } from "./routes";
import type { AssertionKey } from "./rules";
import { type IssuerWrite, isWritePending, sendAsIssuer } from "./signer";
import { createIssuerStore } from "./store";

/** Documents whose keys are cached: far more than an installation's issuers have. */
const MAX_CACHED_DOCUMENTS = 10_000;

/** Issuers, their keys, their DID documents and their anchoring on the chain. */
export function createIssuers(context: Context) {
  const { queue, enqueueAnchoring, worker } = createIssuerJobs(context);
  const issuers = createIssuerStore(context.mongo);
  const assertionKeys = createLruCache<AssertionKey[]>(MAX_CACHED_DOCUMENTS);
  const deps = { ...context, issuers, assertionKeys, enqueueAnchoring };
  return defineModule({
    name: "issuers",
    endpoints: issuerEndpoints(deps),
    queues: [queue],
    relayHandlers: { [ISSUER_ANCHORING]: issuerAnchoringHandler(deps) },
    workers: [worker(deps)],
    ports: {
      authenticateIssuer: (apiKey: string) => authenticateIssuer(deps, apiKey),
      signerOf: (issuer: string) => getCredentialSigner(deps, issuer),
      takeIndex: (issuer: string) => takeIndex(deps, issuer),
      assertionKeys: (address: string, documentHash: string) => getAssertionKeys(deps, { address, documentHash }),
      sendAsIssuer: (relayer: Relayer, write: IssuerWrite) => sendAsIssuer({ ...deps, relayer }, write),
      isWritePending,
    },
  });
}
