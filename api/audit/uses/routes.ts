import { defineEndpoint, type Endpoint } from "../../http/endpoint";
import { auditUse, type AuditUseDeps } from "./actions";
import * as shapes from "./schemas";

/** Proofs of single uses of credentials. */
export function useEndpoints(deps: AuditUseDeps): Endpoint[] {
  return [
    defineEndpoint({
      method: "get",
      path: "/audit/uses/:id",
      tag: "Audit",
      summary: "Prove a use of a credential",
      description:
        "Keep the answer as a file and check it offline, against a block hash you trust, with `npm run audit:verify <file>`. It says neither who presented the credential nor to whom.",
      auth: "none",
      forEveryOrigin: true,
      limit: { name: "audit-use", limit: 120, windowSeconds: 60, by: "address" },
      params: shapes.useParams,
      replies: {
        200: {
          description: "Its leaf with what proves that it was anchored; `pending` before that.",
          schema: shapes.useReply,
        },
      },
      rejections: [
        {
          code: "use.unknown",
          kind: "not_found",
          meaning: "No use of this id is known here, or its retention is over.",
        },
        {
          code: "use.erased",
          kind: "gone",
          meaning: "The holder's account was erased, and what the leaf says with it.",
        },
      ],
      handle: async ({ params }) => ({ status: 200, body: shapes.showUse(await auditUse(deps, params.id)) }),
    }),
  ];
}
