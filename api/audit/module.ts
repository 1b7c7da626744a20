import type { Context } from "../../process/context";
import { defineModule, type Module } from "../http/module";
import { auditEndpoints } from "./routes";

export interface AuditNeeds {
  findCredential(credentialId: string): Promise<{ credId: string } | null>;
}

/** What auditors read: events, revocations, and proofs of a credential's status. */
export function createAudit({ chain, projection }: Pick<Context, "chain" | "projection">, needs: AuditNeeds): Module {
  return defineModule({
    name: "audit",
    endpoints: auditEndpoints({
      projection,
      chain,
      credIdOf: async (credentialId) => (await needs.findCredential(credentialId))?.credId ?? null,
    }),
    ports: {},
  });
}
