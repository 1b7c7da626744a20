import { defineEndpoint, type Endpoint, type RejectionDescription } from "../../http/endpoint";
import { listHolderUsage, listUsage, type ReadUsageDeps } from "./actions";
import * as shapes from "./schemas";

const CREDENTIAL_UNKNOWN: RejectionDescription = {
  code: "credential.unknown",
  kind: "not_found",
  meaning: "There is no such credential here.",
};
export const DID_DEACTIVATED: RejectionDescription = {
  code: "did.deactivated",
  kind: "gone",
  meaning: "The DID of the credential's subject was deactivated: nobody is its holder any more.",
};
const CURSOR_INVALID: RejectionDescription = {
  code: "usage.cursor_invalid",
  kind: "invalid",
  meaning: "The cursor is none of ours.",
};

/** Reading the usage log, for the holder, the issuer and administrators. */
export function usageEndpoints(deps: ReadUsageDeps): Endpoint[] {
  return [
    defineEndpoint({
      method: "get",
      path: "/credentials/:id/usage",
      tag: "Verification",
      summary: "Read who wanted to see one's credential",
      auth: "session",
      params: shapes.usageParams,
      query: shapes.usageQuery,
      replies: { 200: { description: "Attempts, good and bad, the newest first.", schema: shapes.usageReply } },
      rejections: [CREDENTIAL_UNKNOWN, DID_DEACTIVATED, CURSOR_INVALID],
      handle: async ({ params, query: { limit, cursor }, caller }) => {
        const page = { limit, before: shapes.parseCursor(cursor) };
        const entries = await listHolderUsage(deps, { userId: caller.userId, credentialId: params.id, page });
        return {
          status: 200,
          body: { entries: entries.map(shapes.showUsage), next: shapes.nextCursor(entries, limit) },
        };
      },
    }),
    defineEndpoint({
      method: "get",
      path: "/issuer/usage",
      tag: "Verification",
      summary: "Read the use of what the caller issued",
      auth: "issuer",
      query: shapes.filteredUsageQuery,
      replies: { 200: { description: "Attempts, good and bad, the newest first.", schema: shapes.usageReply } },
      rejections: [CURSOR_INVALID],
      handle: async ({ query, caller }) => {
        const { limit, cursor, ...filter } = query;
        const page = { limit, before: shapes.parseCursor(cursor) };
        const entries = await listUsage(deps, { filter: { ...filter, issuer: caller.accountId }, page });
        return {
          status: 200,
          body: { entries: entries.map(shapes.showUsage), next: shapes.nextCursor(entries, limit) },
        };
      },
    }),
    defineEndpoint({
      method: "get",
      path: "/admin/usage",
      tag: "Verification",
      summary: "Read the use of all credentials",
      auth: "admin",
      query: shapes.filteredUsageQuery,
      replies: {
        200: {
          description: "Attempts with the address they came from, the newest first.",
          schema: shapes.fullUsageReply,
        },
      },
      rejections: [CURSOR_INVALID],
      handle: async ({ query }) => {
        const { limit, cursor, ...filter } = query;
        const entries = await listUsage(deps, { filter, page: { limit, before: shapes.parseCursor(cursor) } });
        return {
          status: 200,
          body: { entries: entries.map(shapes.showFullUsage), next: shapes.nextCursor(entries, limit) },
        };
      },
    }),
  ];
}
