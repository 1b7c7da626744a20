import { defineEndpoint, type Endpoint, type EndpointLimit } from "../http/endpoint";
import { type AuditDeps, auditCredential, listEvents, listStatusChanges, STATUS_EVENTS } from "./actions";
import { formatCursor } from "./pages";
import * as shapes from "./schemas";

const limitTo = (name: string, limit: number): EndpointLimit => ({ name, limit, windowSeconds: 60, by: "address" });

/** What auditors read: events, revocations, and single credentials with a proof that needs no trust in this server. */
export function auditEndpoints(deps: AuditDeps): Endpoint[] {
  return [
    defineEndpoint({
      method: "get",
      path: "/audit/events",
      tag: "Audit",
      summary: "Read the registries' events",
      auth: "none",
      forEveryOrigin: true,
      limit: limitTo("audit-events", 300),
      query: shapes.eventsQuery,
      replies: { 200: { description: "The newest first.", schema: shapes.eventsReply } },
      handle: async ({ query: { name, subject, before, limit } }) => {
        const names = name === undefined ? undefined : [name];
        const { events, next, freshness } = await listEvents(deps, { subject, before, limit, names });
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
      forEveryOrigin: true,
      limit: limitTo("audit-revocations", 300),
      query: shapes.revocationsQuery,
      replies: {
        200: { description: "The newest first, each with its transaction and block.", schema: shapes.revocationsReply },
      },
      handle: async ({ query: { issuer, before, limit } }) => {
        const asked = { subject: issuer, from: before, limit, names: STATUS_EVENTS };
        const { parts, next, freshness } = await listStatusChanges(deps, asked);
        return {
          status: 200,
          body: {
            changes: parts.map(shapes.showChange),
            next: next === null ? null : formatCursor(next),
            asOf: shapes.showFreshness(freshness),
          },
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
      forEveryOrigin: true,
      limit: limitTo("audit-credential", 120),
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
