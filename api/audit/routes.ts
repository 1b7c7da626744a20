import { z } from "zod";
import { EVENT_NAMES, EVENTS, eventsAffecting, type RegistryEvent } from "../../chain/registry/events";
import { positionOf } from "../../chain/registry/position";
import type { Freshness } from "../../projection/freshness";
import { defineEndpoint, type Endpoint, type RefusalDescription } from "../http/endpoint";
import { type AuditParts, auditActions } from "./actions";
import { statusChangesOf } from "./statusChanges";

/** Credentials listed of one event. */
const MAX_CHANGES = 1_000;

/** Events that change credentials' statuses. */
const STATUS_EVENTS = eventsAffecting("words");
/** Events that say something of an identity or issuer. */
const AUDITED_EVENTS = EVENT_NAMES.filter((name) => EVENTS[name].projection.length > 0);

const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, "is not an address: give 0x and 40 hexadecimal digits")
  .transform((text) => text.toLowerCase());
const page = {
  limit: z.coerce.number().int().min(1).max(200).default(50),
  before: z.coerce.number().int().nonnegative().optional().meta({ description: "`next` of the page before" }),
};
const eventsQuery = z.strictObject({
  ...page,
  subject: address.optional().meta({ description: "The identity or issuer the events are about" }),
  name: z.enum(AUDITED_EVENTS).optional(),
});
const revocationsQuery = z.strictObject({ ...page, issuer: address.optional() });
const credentialParams = z.strictObject({
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
const eventsReply = z.strictObject({ events: z.array(eventReply), next: z.int().nullable(), asOf });
const revocationsReply = z.strictObject({
  changes: z.array(
    z.strictObject({
      issuer: z.string(),
      event: z.string(),
      credentials: z.array(
        z.strictObject({ credId: z.string(), change: z.enum(["revoked", "suspended", "reinstated", "written"]) }),
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
const credentialReply = z.strictObject({
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

const REFUSALS: RefusalDescription[] = [
  { code: "credential.unknown", kind: "not_found", meaning: "No credential of this id was issued here." },
];

/** What auditors read: events, revocations and single credentials, with the proof that we are not to be trusted. */
export function auditEndpoints(parts: AuditParts): Endpoint[] {
  const actions = auditActions(parts);
  return [
    defineEndpoint({
      method: "get",
      path: "/audit/events",
      tag: "Audit",
      summary: "Read the registries' events",
      auth: "none",
      query: eventsQuery,
      replies: { 200: { description: "The newest first.", schema: eventsReply } },
      handle: async ({ query }) => {
        const { name, subject, before, limit } = query;
        const { events, freshness } = await actions.events({
          subject,
          before,
          limit,
          ...(name !== undefined && { names: [name] }),
        });
        return {
          status: 200,
          body: { events: events.map(showEvent), next: nextOf(events, limit), asOf: showFreshness(freshness) },
        };
      },
    }),
    defineEndpoint({
      method: "get",
      path: "/audit/revocations",
      tag: "Audit",
      summary: "Read changes of credentials' statuses",
      auth: "none",
      query: revocationsQuery,
      replies: {
        200: { description: "The newest first, each with its transaction and block.", schema: revocationsReply },
      },
      handle: async ({ query }) => {
        const { issuer, before, limit } = query;
        const { events, freshness } = await actions.events({ subject: issuer, before, limit, names: STATUS_EVENTS });
        const changes = events.map((event) => {
          const credentials = statusChangesOf(event, MAX_CHANGES + 1);
          return {
            ...{ issuer: event.subject, event: event.name, ...placeOf(event) },
            credentials: credentials.slice(0, MAX_CHANGES),
            truncated: credentials.length > MAX_CHANGES,
          };
        });
        return { status: 200, body: { changes, next: nextOf(events, limit), asOf: showFreshness(freshness) } };
      },
    }),
    defineEndpoint({
      method: "get",
      path: "/audit/credentials/:id",
      tag: "Audit",
      summary: "Prove a credential's status",
      description:
        "Keep the answer as a file and check it offline, against a block hash you trust, with `npm run audit:verify <file>`.",
      auth: "none",
      params: credentialParams,
      replies: {
        200: {
          description: "Its status with events and, where the node gives it, a storage proof.",
          schema: credentialReply,
        },
      },
      refusals: REFUSALS,
      handle: async ({ params }) => {
        const { freshness, events, index, unverifiedReason, ...audit } = await actions.credential(params.id);
        const body = {
          ...audit,
          index: index.toString(),
          doubt: unverifiedReason,
          events: events.map(showEvent),
          asOf: showFreshness(freshness),
          chainId: parts.chain.chainId,
        };
        return { status: 200, body };
      },
    }),
  ];
}

function showEvent(event: RegistryEvent) {
  const { registry, name, subject, args } = event;
  return { registry, name, subject, args, ...placeOf(event) };
}

function placeOf({ transactionHash, blockNumber, blockHash, logIndex, minedAt }: RegistryEvent) {
  return { transactionHash, blockNumber, blockHash, logIndex, minedAt };
}

function nextOf(events: RegistryEvent[], limit: number): number | null {
  const last = events.length === limit ? events.at(-1) : undefined;
  return last === undefined ? null : positionOf(last.blockNumber, last.logIndex);
}

function showFreshness(freshness: Freshness | null) {
  if (freshness === null) return null;
  const { blockNumber, blockHash, minedAt, headNumber, finalizedNumber } = freshness;
  return { blockNumber, blockHash, minedAt, headNumber, finalizedNumber };
}
