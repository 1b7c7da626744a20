import type { RegistryWrite } from "../../chain/registry/consents";
import type { Relayer } from "../../chain/relayer/relayer";
import { DomainError } from "../../core/errors";
import { enqueueLater } from "../../core/jobs/enqueueLater";
import type { Context } from "../../process/context";
import { defineModule, type Module } from "../http/module";
import { issuerActions, type IssuerActions } from "./actions";
import { ISSUER_ANCHORING, issuerAnchoringHandler } from "./anchoring/actions";
import { enqueueIssuer, openIssuerQueue, startIssuerWorker } from "./anchoring/jobs";
import { issuerEndpoints } from "./routes";
import { createIssuerSigner } from "./signer";
import { openIssuerStore } from "./store";

export interface IssuerPorts {
  /** The use cases, also for whoever onboards issuers from a terminal. */
  actions: IssuerActions;
  /** Has a write of the registry mined in an issuer's name; the relayer pays. */
  sendAsIssuer(
    relayer: Relayer,
    request: { kind: string; issuer: string; name: string; write: RegistryWrite },
  ): Promise<void>;
}

/** Issuers, their keys, their DID documents and their place on the chain. */
export function createIssuers(context: Context): Module<IssuerPorts> {
  const { config, clock, logger, mongo, redis, chain, keys, timing } = context;
  const { prefix } = config.redis;
  const store = openIssuerStore(mongo);
  const queue = openIssuerQueue({ redis, prefix });
  const actions = issuerActions({
    store,
    keys,
    clock,
    chainId: chain.chainId,
    didMethod: chain.deployment.didMethod,
    requestAnchoring(address, requestId) {
      enqueueLater(enqueueIssuer(queue, address, requestId), logger);
      return Promise.resolve();
    },
  });
  const signerFor = (relayer: Relayer) => createIssuerSigner({ chain, keys, relayer, clock });

  return defineModule({
    name: "issuers",
    endpoints: issuerEndpoints({ actions }),
    queues: [queue],
    relayHandlers: {
      [ISSUER_ANCHORING]: issuerAnchoringHandler({
        store,
        requestAnchoring: (address) => enqueueIssuer(queue, address),
      }),
    },
    workers: [
      {
        name: "issuers",
        start: ({ relayer }) =>
          startIssuerWorker({
            store,
            chain,
            signer: signerFor(relayer),
            relayer,
            queue,
            redis,
            prefix,
            clock,
            logger,
            publicUrl: config.http.publicUrl,
            deadLetters: context.deadLetters,
            sweepSeconds: timing.sweepAfterSeconds,
          }),
      },
    ],
    ports: {
      actions,
      async sendAsIssuer(relayer, { issuer, ...request }) {
        const account = await store.find(issuer);
        if (account === null) throw new DomainError("issuer.unknown", "not_found", `There is no issuer ${issuer}.`);
        const { controllerKeyId } = account;
        await signerFor(relayer).send({ ...request, address: issuer, controllerKeyId });
      },
    },
  });
}
