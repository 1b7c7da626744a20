import type { RegistryEvent } from "../../chain/registry/events";
import { parseCredId } from "../../chain/status/credId";
import { DomainError, TransientError } from "../../core/errors";
import type { EventDocument } from "../../projection/models";
import type { Context } from "../../process/context";
import type { Freshness } from "../../projection/freshness";
import type { EventFilter } from "../../projection/queries";
import { readStatusProof } from "./readStatusProof";
import { touches } from "./rules";
import type { StatusProof } from "./statusProof";

export interface AuditDeps extends Pick<Context, "chain" | "projection"> {
  /** A credential issued here; null when there is none of this id. */
  findCredential(credentialId: string): Promise<{ credId: string } | null>;
}

/** All that is known of a credential's status on the chain. */
export interface CredentialAudit {
  credId: string;
  issuer: string;
  index: bigint;
  revoked: boolean;
  suspended: boolean;
  freshness: Freshness;
  /** Why the index's answer is not verified; null when it is. */
  unverified: string | null;
  /** Events that touched its status, the oldest first. */
  events: RegistryEvent[];
  /** Null where the node gives none. */
  proof: StatusProof | null;
}

const CREDENTIAL_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Lists events of the registries, the newest first, and says how new the index is. */
export async function listEvents(
  { projection }: Pick<AuditDeps, "projection">,
  filter: EventFilter,
): Promise<{ events: EventDocument[]; freshness: Freshness | null }> {
  const [events, freshness] = await Promise.all([projection.listEvents(filter), projection.freshness()]);
  return { events, freshness };
}

/**
 * What the chain holds of a credential, with a proof where the node gives one.
 *
 * @param id the credential's id, or its name on the chain
 * @throws DomainError `credential.unknown`, `credential_id.malformed`
 * @throws TransientError while the index has nothing, or the chain does not answer
 */
export async function auditCredential(deps: AuditDeps, id: string): Promise<CredentialAudit> {
  const { projection, chain } = deps;
  const credId = CREDENTIAL_ID.test(id) ? (await deps.findCredential(id))?.credId : id.toLowerCase();
  if (credId === undefined)
    throw new DomainError("credential.unknown", "not_found", "There is no such credential here.");
  const { issuer, index } = parseCredId(credId);
  const [status, events] = await Promise.all([projection.credentialStatus(credId), projection.eventsOf(issuer)]);
  const { revoked, suspended, freshness, unverifiedReason } = status;
  if (freshness === null) throw new TransientError("index.empty", "The index has not seen the chain yet.");
  return {
    credId,
    issuer,
    index,
    revoked,
    suspended,
    freshness,
    unverified: unverifiedReason,
    events: events.filter((event) => touches(event, credId)),
    proof: await readStatusProof(chain, { credId, at: freshness }),
  };
}
