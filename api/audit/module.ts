import type { Context } from "../../process/context";
import { defineModule } from "../http/module";
import type { AuditDeps } from "./actions";
import { auditEndpoints } from "./routes";
import type { AuditUseDeps } from "./uses/actions";
import { USE_ANCHORING, useAnchoringHandler } from "./uses/anchoring";
import type { BatchDeps } from "./uses/batching";
import { useAnchoringWorker, useRetentionWorker } from "./uses/jobs";
import { useAnchoringGauges } from "./uses/metrics";
import { useData, type UseDataDeps } from "./uses/personalData";
import { useEndpoints } from "./uses/routes";
import { createBatchStore } from "./uses/store";

type AuditNeeds = Pick<AuditDeps, "findCredential"> &
  Pick<AuditUseDeps, "findUse"> &
  Pick<BatchDeps, "listUnbatchedUses" | "markUsesBatched" | "usesOf"> &
  Pick<UseDataDeps, "credentialIdsOf"> & { countUnbatchedUses(): Promise<number> };

/** What auditors read: events, revocations, and proofs of a credential's status and of its uses. */
export function createAudit(context: Context, needs: AuditNeeds) {
  const deps = { ...context, ...needs, batches: createBatchStore(context.mongo) };
  return defineModule({
    name: "audit",
    endpoints: [...auditEndpoints(deps), ...useEndpoints(deps)],
    relayHandlers: { [USE_ANCHORING]: useAnchoringHandler(deps) },
    workers: [useAnchoringWorker(deps), useRetentionWorker(deps)],
    metrics: useAnchoringGauges(deps),
    ports: { personalData: useData(deps) },
  });
}
