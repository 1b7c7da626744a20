import { z } from "zod";
import { EVENT_NAMES, EVENTS, type RegistryEvent } from "../../chain/registry/events";
import type { Freshness } from "../../projection/freshness";
import { accountAddress } from "../http/accountFields";
import type { CredentialAudit } from "./actions";
import { type Part, parseCursor } from "./pages";
import { countStatusChanges, statusChangesOf } from "./rules";

/** Events that say something of an identity or issuer. */
const AUDITED_EVENTS = EVENT_NAMES.filter((name) => EVENTS[name].projection.length > 0);

export const eventsQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50).meta({
    description: "Events at most; a page of large ones holds fewer",
  }),
  before: z.coerce.number().int().nonnegative().optional().meta({ description: "`next` of the page before" }),
  subject: accountAddress.optional().meta({ description: "The identity or issuer the events are about" }),
  name: z.enum(AUDITED_EVENTS).optional(),
});
export const revocationsQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1_000).default(200).meta({
    description: "Credentials at most, whatever events they are of; an event may reach over several pages",
  }),
  before: z
    .string()
    .transform((text, { addIssue }) => {
      const cursor = parseCursor(text);
      if (cursor === undefined) addIssue({ code: "custom", message: "is none of ours: send back `next` as it came" });
      return cursor ?? z.NEVER;
    })
    .optional()
    .meta({ description: "`next` of the page before", examples: ["2097152.0"] }),
  issuer: accountAddress.optional(),
});
export const credentialParams = z.strictObject({
  id: z
    .string()
    .regex(
      /^(0x[0-9a-fA-F]{64}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/,
      "is neither a credential's id nor its name on the chain",
    )
    .meta({ description: "The credential's id, or its name on the chain (`0x` and 64 hexadecimal digits)" }),
});

const moment = z.iso.datetime();
const place = {
  transactionHash: z.string(),
  blockNumber: z.int(),
  blockHash: z.string(),
  logIndex: z.int(),
  minedAt: moment,
};
const eventReply = z.strictObject({
  registry: z.enum(["DIDRegistry", "IssuerRegistry"]),
  name: z.string(),
  subject: z.string(),
  args: z.record(z.string(), z.unknown()),
  ...place,
});
const asOf = z
  .strictObject({
    blockNumber: z.int(),
    blockHash: z.string(),
    minedAt: moment,
    headNumber: z.int(),
    finalizedNumber: z.int().nullable().meta({ description: "null while no block is finalized" }),
  })
  .nullable()
  .meta({ description: "The index's last block: answers are as of it" });
export const eventsReply = z.strictObject({ events: z.array(eventReply), next: z.int().nullable(), asOf });
export const revocationsReply = z.strictObject({
  changes: z.array(
    z.strictObject({
      issuer: z.string(),
      event: z.string(),
      credentials: z.array(
        z.strictObject({
          credId: z.string(),
          purpose: z.int().meta({ description: "0 revocation, 1 suspension, 2 refresh; others are the issuer's own" }),
          change: z.enum(["revoked", "suspended", "reinstated", "set", "cleared"]),
        }),
      ),
      offset: z.int().meta({ description: "Credentials of the event that pages before this one list" }),
      total: z.int().meta({ description: "Credentials of the event" }),
      ...place,
    }),
  ),
  next: z.string().nullable(),
  asOf,
});
const storageEntry = z.strictObject({
  purpose: z.enum(["revocation", "suspension"]),
  slot: z.string(),
  value: z.string(),
  proof: z.array(z.string()),
});
export const credentialReply = z.strictObject({
  credId: z.string(),
  issuer: z.string(),
  index: z.string().meta({ description: "Decimal" }),
  revoked: z.boolean(),
  suspended: z.boolean(),
  doubt: z.string().nullable().meta({ description: "Why the index cannot vouch for its answer" }),
  chainId: z.int(),
  events: z.array(eventReply).meta({ description: "That touched its status, the oldest first" }),
  olderEvents: z.int().meta({ description: "Left out before them; GET /audit/events has all" }),
  asOf,
  proof: z
    .strictObject({
      block: z.strictObject({ number: z.int(), hash: z.string() }),
      header: z.string().meta({ description: "RLP of the block's header" }),
      address: z.string(),
      accountProof: z.array(z.string()),
      storage: z.array(storageEntry),
    })
    .nullable()
    .meta({ description: "For `npm run audit:verify`; null where the node gives none" }),
});

/** An event as it goes out. */
export function showEvent(event: RegistryEvent) {
  const { registry, name, subject, args } = event;
  return { registry, name, subject, args, ...placeOf(event) };
}

/** A part of what an event did to credentials' statuses, as it goes out. */
export function showChange({ item: event, offset, count }: Part<RegistryEvent>) {
  return {
    issuer: event.subject,
    event: event.name,
    credentials: statusChangesOf(event, { offset, count }),
    offset,
    total: countStatusChanges(event),
    ...placeOf(event),
  };
}

/** What is known of a credential, as it goes out. */
export function showAudit({ freshness, events, index, unverified, ...status }: CredentialAudit, chainId: number) {
  return {
    ...status,
    doubt: unverified,
    index: index.toString(),
    chainId,
    events: events.map(showEvent),
    asOf: showFreshness(freshness),
  };
}

function placeOf({ transactionHash, blockNumber, blockHash, logIndex, minedAt }: RegistryEvent) {
  return { transactionHash, blockNumber, blockHash, logIndex, minedAt };
}

/** How new the index is, as it goes out. */
export function showFreshness(freshness: Freshness | null) {
  if (freshness === null) return null;
  const { blockNumber, blockHash, minedAt, headNumber, finalizedNumber } = freshness;
  return { blockNumber, blockHash, minedAt, headNumber, finalizedNumber: finalizedNumber < 0 ? null : finalizedNumber };
}
