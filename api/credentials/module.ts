import { isAccredited } from "../../chain/registry/accreditation";
import type { RegistryWrite } from "../../chain/registry/consents";
import type { Relayer } from "../../chain/relayer/relayer";
import { enqueueLater } from "../../core/jobs/enqueueLater";
import { type Context, jobRuntimeOf } from "../../process/context";
import { defineModule, type Module } from "../http/module";
import type { CredentialDeps } from "./actions";
import { indexedStatusReader } from "./indexedStatus";
import { holderEndpoints, issuingEndpoints } from "./routes";
import { STATUS_CHANGE } from "./statusChanges/actions";
import { createStatusChangeQueue, enqueueChange, startStatusChangeWorker } from "./statusChanges/jobs";
import { statusChangeHandler } from "./statusChanges/relayHandler";
import { statusChangeEndpoints } from "./statusChanges/routes";
import { createChangeStore } from "./statusChanges/store";
import { type CredentialStore, createCredentialStore } from "./store";
import { createSchemaCompiler } from "./types/compileSchema";
import { typeEndpoints } from "./types/routes";
import { createTypeStore } from "./types/store";

/** How long a credential is valid when its issuer does not say: a year. */
const DEFAULT_VALIDITY_SECONDS = 365 * 24 * 60 * 60;

export interface CredentialNeeds extends Pick<CredentialDeps, "signerOf" | "takeIndex" | "didsOf"> {
  /** Has a write of the registry mined in an issuer's name; the relayer pays. */
  sendAsIssuer(
    relayer: Relayer,
    request: { kind: string; issuer: string; name: string; write: RegistryWrite },
  ): Promise<void>;
}

export interface CredentialPorts extends Pick<CredentialStore, "takeUse" | "unrecorded" | "markRecorded"> {
  findCredential: CredentialStore["find"];
}

/** Credentials: issuing, holding, sharing, and changes of their status on the chain. */
export function createCredentials(context: Context, needs: CredentialNeeds): Module<CredentialPorts> {
  const { config, clock, logger, mongo, chain, projection, timing } = context;
  const { publicUrl } = config.http;
  const { didMethod, contracts } = chain.deployment;
  const jobs = jobRuntimeOf(context);
  const queue = createStatusChangeQueue(jobs);
  const credentials = createCredentialStore(mongo);
  const changes = createChangeStore(mongo);
  const types = createTypeStore(mongo);
  const indexedStatus = indexedStatusReader(projection);
  const requeue = (changeId: string) => enqueueChange(queue, changeId);
  const issuing: CredentialDeps = {
    credentials,
    types,
    compileSchema: createSchemaCompiler(),
    clock,
    installation: { publicUrl, chainId: chain.chainId, registry: contracts.DIDRegistry.address },
    didMethod,
    defaultValiditySeconds: DEFAULT_VALIDITY_SECONDS,
    signerOf: needs.signerOf,
    takeIndex: needs.takeIndex,
    didsOf: needs.didsOf,
    isAccredited: (issuer) => isAccredited(chain, issuer),
    indexedStatus,
  };

  return defineModule({
    name: "credentials",
    endpoints: [
      ...typeEndpoints({ types, clock, publicUrl }),
      ...issuingEndpoints(issuing),
      ...statusChangeEndpoints({
        credentials,
        changes,
        clock,
        publicUrl,
        enqueueChange: (changeId, requestId) => enqueueLater(enqueueChange(queue, changeId, requestId), logger),
      }),
      ...holderEndpoints(issuing),
    ],
    queues: [queue],
    relayHandlers: { [STATUS_CHANGE]: statusChangeHandler({ changes, clock, enqueueChange: requeue }) },
    workers: [
      {
        name: "statusChanges",
        start: ({ relayer }) =>
          startStatusChangeWorker({
            changes,
            credentials,
            chain,
            clock,
            indexedStatus,
            enqueueChange: requeue,
            sendAsIssuer: (request) => needs.sendAsIssuer(relayer, request),
            jobs,
            concurrency: config.anchoring?.concurrency ?? 1,
            pollIntervalMs: timing.pollIntervalMs,
            sweepAfterSeconds: timing.sweepAfterSeconds,
            unseenSeconds: timing.unseenSeconds,
          }),
      },
    ],
    ports: {
      findCredential: credentials.find,
      takeUse: credentials.takeUse,
      unrecorded: credentials.unrecorded,
      markRecorded: credentials.markRecorded,
    },
  });
}
