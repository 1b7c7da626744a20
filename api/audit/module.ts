import type { Context } from "../../process/context";
import { defineModule } from "../http/module";
import type { AuditDeps } from "./actions";
import { auditEndpoints } from "./routes";

/** What auditors read: events, revocations, and proofs of a credential's status. */
export function createAudit(context: Context, { findCredential }: Pick<AuditDeps, "findCredential">) {
  return defineModule({ name: "audit", endpoints: auditEndpoints({ ...context, findCredential }), ports: {} });
}
