import type { RegistryWrite } from "../../chain/registry/consents";
import type { Relayer } from "../../chain/relayer/relayer";
import { enqueueLater } from "../../core/jobs/enqueueLater";
import { createLruCache } from "../../core/lruCache";
import { type Context, jobRuntimeOf } from "../../process/context";
import { defineModule, type Module } from "../http/module";
import {
  authenticateIssuer,
  type CredentialSigner,
  getAssertionKeys,
  getCredentialSigner,
  getIssuer,
  type IssuerDeps,
  takeIndex,
} from "./actions";
import { ISSUER_ANCHORING, issuerAnchoringHandler } from "./anchoring/actions";
import {
  createIssuerAnchoringQueue,
  enqueueIssuerAnchoring,
  type IssuerAnchoringQueue,
  startIssuerWorker,
} from "./anchoring/jobs";
import { issuerEndpoints } from "./routes";
import type { AssertionKey } from "./rules";
import { createIssuerSigner } from "./signer";
import { createIssuerStore } from "./store";

/** Documents whose keys are cached: far more than an installation's issuers have. */
const MAX_CACHED_DOCUMENTS = 10_000;

export interface IssuerPorts {
  authenticate(apiKey: string): Promise<{ accountId: string; keyId: string }>;
  /** See {@link getCredentialSigner}. */
  signerOf(issuer: string): Promise<CredentialSigner>;
  takeIndex(issuer: string): Promise<number>;
  /** See {@link getAssertionKeys}. */
  assertionKeys(issuer: string, documentHash: string): Promise<AssertionKey[]>;
  /** Has a write of the registry mined in an issuer's name; the relayer pays. */
  sendAsIssuer(
    relayer: Relayer,
    request: { kind: string; issuer: string; name: string; write: RegistryWrite },
  ): Promise<void>;
}

/** What the use cases of issuers need; also for the command that onboards issuers from a terminal. */
export function issuerDepsOf(
  { mongo, keys, clock, chain, logger }: Pick<Context, "mongo" | "keys" | "clock" | "chain" | "logger">,
  queue: IssuerAnchoringQueue,
): IssuerDeps {
  return {
    issuers: createIssuerStore(mongo),
    keys,
    clock,
    chainId: chain.chainId,
    didMethod: chain.deployment.didMethod,
    assertionKeys: createLruCache(MAX_CACHED_DOCUMENTS),
    enqueueAnchoring: (address, requestId) => enqueueLater(enqueueIssuerAnchoring(queue, address, requestId), logger),
  };
}

/** Issuers, their keys, their DID documents and their place on the chain. */
export function createIssuers(context: Context): Module<IssuerPorts> {
  const { config, clock, chain, keys, timing } = context;
  const jobs = jobRuntimeOf(context);
  const queue = createIssuerAnchoringQueue(jobs);
  const deps = issuerDepsOf(context, queue);
  const { issuers } = deps;
  const signerFor = (relayer: Relayer) => createIssuerSigner({ chain, keys, relayer, clock });

  return defineModule({
    name: "issuers",
    endpoints: issuerEndpoints(deps),
    queues: [queue],
    relayHandlers: {
      [ISSUER_ANCHORING]: issuerAnchoringHandler({
        issuers,
        enqueueAnchoring: (address) => enqueueIssuerAnchoring(queue, address),
      }),
    },
    workers: [
      {
        name: "issuers",
        start: ({ relayer }) =>
          startIssuerWorker({
            issuers,
            chain,
            relayer,
            queue,
            jobs,
            signer: signerFor(relayer),
            publicUrl: config.http.publicUrl,
            sweepSeconds: timing.sweepAfterSeconds,
          }),
      },
    ],
    ports: {
      authenticate: (apiKey) => authenticateIssuer(deps, apiKey),
      signerOf: (issuer) => getCredentialSigner(deps, issuer),
      takeIndex: (issuer) => takeIndex(deps, issuer),
      assertionKeys: (address, documentHash) => getAssertionKeys(deps, { address, documentHash }),
      async sendAsIssuer(relayer, { issuer, kind, name, write }) {
        const { address, controllerKeyId } = await getIssuer(deps, issuer);
        await signerFor(relayer).send({ kind, address, controllerKeyId, name, write });
      },
    },
  });
}
