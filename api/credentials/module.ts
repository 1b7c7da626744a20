import type { Context } from "../../process/context";
import { defineModule, type Module } from "../http/module";
import type { CredentialDeps } from "./actions";
import { holderEndpoints, issuingEndpoints } from "./routes";
import { type ApplyChangeDeps, STATUS_CHANGE } from "./statusChanges/actions";
import { createStatusChangeQueue, enqueueChange, startStatusChangeWorker } from "./statusChanges/jobs";
import { statusChangeHandler } from "./statusChanges/relayHandler";
import { statusChangeEndpoints } from "./statusChanges/routes";
import { createChangeStore } from "./statusChanges/store";
import { type CredentialStore, createCredentialStore } from "./store";
import { createSchemaCompiler } from "./types/compileSchema";
import { typeEndpoints } from "./types/routes";
import { createTypeStore } from "./types/store";

export type CredentialNeeds = Pick<CredentialDeps, "signerOf" | "takeIndex" | "didsOf"> &
  Pick<ApplyChangeDeps, "sendAsIssuer">;

export interface CredentialPorts extends Pick<CredentialStore, "takeUse" | "unrecorded" | "markRecorded"> {
  findCredential: CredentialStore["find"];
}

/** Credentials: issuing, holding, sharing, and changes of their status on the chain. */
export function createCredentials(context: Context, needs: CredentialNeeds): Module<CredentialPorts> {
  const jobs = context;
  const queue = createStatusChangeQueue(jobs);
  const credentials = createCredentialStore(context.mongo);
  const deps = {
    ...context,
    ...needs,
    jobs,
    credentials,
    changes: createChangeStore(context.mongo),
    types: createTypeStore(context.mongo),
    compileSchema: createSchemaCompiler(),
    enqueueChange: (changeId: string, requestId?: string) => enqueueChange(queue, changeId, requestId),
  };
  const { find: findCredential, takeUse, unrecorded, markRecorded } = credentials;
  return defineModule({
    name: "credentials",
    endpoints: [
      ...typeEndpoints(deps),
      ...issuingEndpoints(deps),
      ...statusChangeEndpoints(deps),
      ...holderEndpoints(deps),
    ],
    queues: [queue],
    relayHandlers: { [STATUS_CHANGE]: statusChangeHandler(deps) },
    workers: [{ name: "statusChanges", start: ({ relayer }) => startStatusChangeWorker({ ...deps, relayer }) }],
    ports: { findCredential, takeUse, unrecorded, markRecorded },
  });
}
