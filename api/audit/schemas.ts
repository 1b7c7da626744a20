import { z } from "zod";
import { EVENT_NAMES, EVENTS, type RegistryEvent } from "../../chain/registry/events";
import { positionOf } from "../../chain/registry/position";
import type { Freshness } from "../../projection/freshness";
import { accountAddress } from "../http/accountFields";
import type { CredentialAudit } from "./actions";
import { statusChangesOf } from "./rules";

/** Credentials listed of one event. */
const MAX_CHANGES = 1_000;

/** Events that say something of an identity or issuer. */
const AUDITED_EVENTS = EVENT_NAMES.filter((name) => EVENTS[name].projection.length > 0);

const page = {
  limit: z.coerce.number().int().min(1).max(200).default(50),
  before: z.coerce.number().int().nonnegative().optional().meta({ description: "`next` of the page before" }),
};
export const eventsQuery = z.strictObject({
  ...page,
  subject: accountAddress.optional().meta({ description: "The identity or issuer the events are about" }),
  name: z.enum(AUDITED_EVENTS).optional(),
});
export const revocationsQuery = z.strictObject({ ...page, issuer: accountAddress.optional() });
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
    finalizedNumber: z.int(),
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
      truncated: z.boolean().meta({ description: "The event concerns more credentials than are listed" }),
      ...place,
    }),
  ),
  next: z.int().nullable(),
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
  events: z.array(eventReply),
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

/** An event and what it did to credentials' statuses, as it goes out. */
export function showChange(event: RegistryEvent) {
  const credentials = statusChangesOf(event, MAX_CHANGES + 1);
  return {
    issuer: event.subject,
    event: event.name,
    credentials: credentials.slice(0, MAX_CHANGES),
    truncated: credentials.length > MAX_CHANGES,
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

/** `before` of the next page; null after the last. */
export function nextOf(events: RegistryEvent[], limit: number): number | null {
  const last = events.length === limit ? events.at(-1) : undefined;
  return last === undefined ? null : positionOf(last.blockNumber, last.logIndex);
}

/** How new the index is, as it goes out. */
export function showFreshness(freshness: Freshness | null) {
  if (freshness === null) return null;
  const { blockNumber, blockHash, minedAt, headNumber, finalizedNumber } = freshness;
  return { blockNumber, blockHash, minedAt, headNumber, finalizedNumber };
}
