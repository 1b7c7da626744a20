import { eventsAffecting } from "../../chain/registry/events";
import { defineEndpoint, type Endpoint } from "../http/endpoint";
import { type AuditDeps, auditCredential, listEvents } from "./actions";
import * as shapes from "./schemas";

/** Events that change credentials' statuses. */
const STATUS_EVENTS = eventsAffecting("words");

/** What auditors read: events, revocations, and single credentials with a proof that needs no trust in this server. */
export function auditEndpoints(deps: AuditDeps): Endpoint[] {
  return [
    defineEndpoint({
      method: "get",
      path: "/audit/events",
      tag: "Audit",
      summary: "Read the registries' events",
      auth: "none",
      query: shapes.eventsQuery,
      replies: { 200: { description: "The newest first.", schema: shapes.eventsReply } },
      handle: async ({ query: { name, subject, before, limit } }) => {
        const names = name === undefined ? undefined : [name];
        const { events, freshness } = await listEvents(deps, { subject, before, limit, names });
        const next = shapes.nextOf(events, limit);
        return {
          status: 200,
          body: { events: events.map(shapes.showEvent), next, asOf: shapes.showFreshness(freshness) },
        };
      },
    }),
    defineEndpoint({
      method: "get",
      path: "/audit/revocations",
      tag: "Audit",
      summary: "Read changes of credentials' statuses",
      auth: "none",
      query: shapes.revocationsQuery,
      replies: {
        200: { description: "The newest first, each with its transaction and block.", schema: shapes.revocationsReply },
      },
      handle: async ({ query: { issuer, before, limit } }) => {
        const asked = { subject: issuer, before, limit, names: STATUS_EVENTS };
        const { events, freshness } = await listEvents(deps, asked);
        const next = shapes.nextOf(events, limit);
        return {
          status: 200,
          body: { changes: events.map(shapes.showChange), next, asOf: shapes.showFreshness(freshness) },
        };
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
      params: shapes.credentialParams,
      replies: {
        200: {
          description: "Its status with events and, where the node gives it, a storage proof.",
          schema: shapes.credentialReply,
        },
      },
      rejections: [
        { code: "credential.unknown", kind: "not_found", meaning: "No credential of this id was issued here." },
      ],
      handle: async ({ params }) => {
        const audit = await auditCredential(deps, params.id);
        return { status: 200, body: shapes.showAudit(audit, deps.chain.chainId) };
      },
    }),
  ];
}
