import type { Context } from "../../process/context";
import { defineModule } from "../http/module";
import type { CredentialDeps } from "./actions";
import { issuanceEndpoints } from "./issuance/routes";
import { createNonceStore } from "./issuance/store";
import { offerEndpoints } from "./offers/routes";
import { createOfferStore } from "./offers/store";
import { credentialData } from "./personalData";
import { holderEndpoints, issuingEndpoints } from "./routes";
import { type ApplyChangeDeps, STATUS_CHANGE } from "./statusChanges/actions";
import { createStatusChangeJobs } from "./statusChanges/jobs";
import { statusChangeHandler } from "./statusChanges/relayHandler";
import { statusChangeEndpoints } from "./statusChanges/routes";
import { createChangeStore } from "./statusChanges/store";
import { createCredentialStore } from "./store";
import { createSchemaCompiler } from "./types/compileSchema";
import { typeEndpoints } from "./types/routes";
import { createTypeStore } from "./types/store";

type CredentialNeeds = Pick<CredentialDeps, "signerOf" | "takeIndex" | "didsOf" | "holdingOf" | "appendHolderEvent"> &
  Pick<ApplyChangeDeps, "sendAsIssuer" | "isWritePending" | "appendHolderEvent">;

/** Credentials: issuing, also into wallets, holding, sharing, and changes of their status on the chain. */
export function createCredentials(context: Context, needs: CredentialNeeds) {
  const { queue, enqueueChange, worker } = createStatusChangeJobs(context);
  const deps = {
    ...context,
    ...needs,
    credentials: createCredentialStore(context),
    changes: createChangeStore(context.mongo),
    types: createTypeStore(context.mongo),
    offers: createOfferStore(context),
    nonces: createNonceStore(context.mongo),
    compileSchema: createSchemaCompiler(),
    enqueueChange,
  };
  const {
    findToVerify: findCredential,
    findCredId,
    idsOf: credentialIdsOf,
    takeUse,
    unrecorded,
    markRecorded,
    usesOf,
  } = deps.credentials;
  return defineModule({
    name: "credentials",
    endpoints: [
      ...typeEndpoints(deps),
      ...issuingEndpoints(deps),
      ...statusChangeEndpoints(deps),
      ...offerEndpoints(deps),
      ...issuanceEndpoints(deps),
      ...holderEndpoints(deps),
    ],
    queues: [queue],
    relayHandlers: { [STATUS_CHANGE]: statusChangeHandler(deps) },
    workers: [worker(deps)],
    ports: {
      personalData: credentialData(deps),
      credentialIdsOf,
      findCredId,
      findCredential,
      takeUse,
      unrecorded,
      markRecorded,
      usesOf,
    },
  });
}
