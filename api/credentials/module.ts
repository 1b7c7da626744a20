import type { Relayer } from "../../chain/relayer/relayer";
import { enqueueLater } from "../../core/jobs/enqueueLater";
import type { Context } from "../../process/context";
import { defineModule, type Module } from "../http/module";
import { credentialActions, type CredentialParts } from "./actions";
import { indexedStatusReader } from "./indexedStatus";
import { credentialEndpoints } from "./routes";
import { STATUS_CHANGE, statusChangeHandler } from "./statusChanges/actions";
import type { RegistryWrite } from "../../chain/registry/consents";
import { isAccredited } from "../../chain/registry/accreditation";
import { enqueueChange, openStatusQueue, startStatusWorker } from "./statusChanges/jobs";
import { openChangeStore } from "./statusChanges/store";
import { type CredentialStore, openCredentialStore } from "./store";
import { openTypeStore } from "./types/store";

/** How long a credential is valid when its issuer does not say: a year. */
const DEFAULT_VALIDITY_SECONDS = 365 * 24 * 60 * 60;

export interface CredentialNeeds extends Pick<CredentialParts, "signerOf" | "takeIndex" | "didsOf"> {
  /** Has a write of the registry mined in an issuer's name; the relayer pays. */
  sendAsIssuer(
    relayer: Relayer,
    request: { kind: string; issuer: string; name: string; write: RegistryWrite },
  ): Promise<void>;
}

export type CredentialPorts = Pick<CredentialStore, "find" | "takeUse" | "unrecorded" | "noteRecorded">;

/** Credentials: issuing, holding, sharing, and changes of their status on the chain. */
export function createCredentials(context: Context, needs: CredentialNeeds): Module<CredentialPorts> {
  const { config, clock, logger, mongo, redis, chain, projection, timing } = context;
  const { prefix } = config.redis;
  const { publicUrl } = config.http;
  const { didMethod, contracts } = chain.deployment;
  const credentials = openCredentialStore(mongo);
  const changes = openChangeStore(mongo);
  const queue = openStatusQueue({ redis, prefix });
  const indexedStatus = indexedStatusReader(projection);
  const actions = credentialActions({
    credentials,
    changes,
    types: openTypeStore(mongo),
    clock,
    didMethod,
    places: { publicUrl, chainId: chain.chainId, registry: contracts.DIDRegistry.address },
    defaultValiditySeconds: DEFAULT_VALIDITY_SECONDS,
    didsOf: needs.didsOf,
    signerOf: needs.signerOf,
    takeIndex: needs.takeIndex,
    isAccredited: (issuer) => isAccredited(chain, issuer),
    indexedStatus,
    enqueueChange(changeId, requestId) {
      enqueueLater(enqueueChange(queue, changeId, requestId), logger);
      return Promise.resolve();
    },
  });
  const requestChange = (changeId: string) => enqueueChange(queue, changeId);

  return defineModule({
    name: "credentials",
    endpoints: credentialEndpoints({ actions, publicUrl }),
    queues: [queue],
    relayHandlers: { [STATUS_CHANGE]: statusChangeHandler({ changes, clock, enqueueChange: requestChange }) },
    workers: [
      {
        name: "statusChanges",
        start: ({ relayer }) =>
          startStatusWorker({
            changes,
            credentials,
            chain,
            redis,
            prefix,
            clock,
            logger,
            indexedStatus,
            enqueueChange: requestChange,
            sendAsIssuer: (request) => needs.sendAsIssuer(relayer, request),
            deadLetters: context.deadLetters,
            concurrency: config.anchoring?.concurrency ?? 1,
            pollMs: timing.pollIntervalMs,
            sweepSeconds: timing.sweepAfterSeconds,
            unseenSeconds: timing.unseenSeconds,
          }),
      },
    ],
    ports: credentials,
  });
}
