import { eventsAffecting, type RegistryEvent } from "../../chain/registry/events";
import { parseCredId } from "../../chain/status/credId";
import { DomainError, TransientError } from "../../core/errors";
import type { EventDocument } from "../../projection/models";
import type { Context } from "../../process/context";
import type { Freshness } from "../../projection/freshness";
import type { EventFilter } from "../../projection/queries";
import { readStatusProof } from "./readStatusProof";
import { type EffectCursor, pageOfBytes, pageOfEffects, type Part } from "./pages";
import { countStatusChanges, touches } from "./rules";
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
  /** The newest events that touched its status, the oldest first. */
  events: RegistryEvent[];
  /** How many older ones there are. */
  olderEvents: number;
  /** Null where the node gives none. */
  proof: StatusProof | null;
}

const CREDENTIAL_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Events that change credentials' statuses. */
export const STATUS_EVENTS = eventsAffecting("words");

/** What of the registries' events is asked for. */
type EventSelection = Pick<EventFilter, "names" | "subject">;

/** Bytes of events' arguments in one answer, unless one event alone has more. */
const MAX_EVENT_BYTES = 262_144;

/** Lists events of the registries, the newest first, and says how new the index is. */
export async function listEvents(
  { projection }: Pick<AuditDeps, "projection">,
  { before, limit, ...selection }: EventSelection & { before?: number | undefined; limit: number },
): Promise<{ events: EventDocument[]; next: number | null; freshness: Freshness | null }> {
  const read = (place: number | undefined, count: number) =>
    projection.listEvents({ ...selection, before: place, limit: count });
  const page = pageOfBytes<EventDocument>({ read, bytesOf }, { before, limit, maxBytes: MAX_EVENT_BYTES });
  const [{ items: events, next }, freshness] = await Promise.all([page, projection.freshness()]);
  return { events, next, freshness };
}

/** Lists events that changed credentials' statuses, the newest first, a page bounded by the credentials it names. */
export async function listStatusChanges(
  { projection }: Pick<AuditDeps, "projection">,
  { from, limit, ...selection }: EventSelection & { from: EffectCursor | undefined; limit: number },
): Promise<{ parts: Part<EventDocument>[]; next: EffectCursor | null; freshness: Freshness | null }> {
  const read = (atOrBefore: number | undefined, count: number) =>
    projection.listEvents({
      ...selection,
      before: atOrBefore === undefined ? undefined : atOrBefore + 1,
      limit: count,
    });
  const page = pageOfEffects<EventDocument>({ read, sizeOf: countStatusChanges }, { from, limit });
  const [{ parts, next }, freshness] = await Promise.all([page, projection.freshness()]);
  return { parts, next, freshness };
}

function bytesOf({ args }: RegistryEvent): number {
  return JSON.stringify(args).length;
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
  const [status, events] = await Promise.all([
    projection.credentialStatus(credId),
    projection.eventsOf(issuer, { names: STATUS_EVENTS, accepts: (event) => touches(event, credId) }),
  ]);
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
    ...newestWithin(events, MAX_EVENT_BYTES),
    proof: await readStatusProof(chain, { credId, at: freshness }),
  };
}

/** As many of the newest events as fit; the newest one always. */
function newestWithin(events: RegistryEvent[], maxBytes: number): Pick<CredentialAudit, "events" | "olderEvents"> {
  let [first, bytes] = [events.length, 0];
  for (const event of events.toReversed()) {
    bytes += bytesOf(event);
    if (first < events.length && bytes > maxBytes) break;
    first -= 1;
  }
  return { events: events.slice(first), olderEvents: first };
}
