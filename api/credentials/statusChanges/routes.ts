import type { Context } from "../../../process/context";
import { defineEndpoint, type Endpoint } from "../../http/endpoint";
import { STATUS_CHANGES } from "../rules";
import { getChange, type RequestChangeDeps, requestChange } from "./actions";
import * as shapes from "./schemas";

const SUMMARIES = {
  revoke: "Revoke credentials for good",
  suspend: "Suspend credentials",
  reinstate: "Lift the suspension of credentials",
} as const;

/** Changes of credentials' statuses by their issuers. */
export function statusChangeEndpoints(deps: RequestChangeDeps & Pick<Context, "config">): Endpoint[] {
  return [
    ...STATUS_CHANGES.map((change) =>
      defineEndpoint({
        method: "post",
        path: `/credentials/${change}`,
        tag: "Credentials",
        summary: SUMMARIES[change],
        description: "Queued for the chain; the job is `final` when the index shows it. One credential or up to 256.",
        auth: "issuer",
        limit: { name: "credential-status", limit: 1_200, windowSeconds: 60, by: "user" },
        body: shapes.changeBody,
        replies: { 202: { description: "The job that carries it out.", schema: shapes.changeReply } },
        rejections: [
          {
            code: "credential.unknown",
            kind: "not_found",
            meaning: "There is no such credential, or it is not the caller's.",
          },
          { code: "credential.revocation_final", kind: "conflict", meaning: "One of them is revoked, which is final." },
        ],
        handle: async ({ body, caller }, { requestId }) => {
          const credentialIds = body.credentialIds ?? (body.credentialId === undefined ? [] : [body.credentialId]);
          const job = await requestChange(deps, { issuer: caller.accountId, change, credentialIds, requestId });
          const headers = { location: `${deps.config.http.publicUrl}/credentials/status-changes/${job.changeId}` };
          return { status: 202, body: shapes.showChange(job), headers };
        },
      }),
    ),
    defineEndpoint({
      method: "get",
      path: "/credentials/status-changes/:id",
      tag: "Credentials",
      summary: "Follow a change of status",
      auth: "issuer",
      params: shapes.changeParams,
      replies: { 200: { description: "How far it is.", schema: shapes.changeReply } },
      rejections: [
        {
          code: "credential.change_unknown",
          kind: "not_found",
          meaning: "There is no such change, or it is not the caller's.",
        },
      ],
      handle: async ({ params, caller }) => ({
        status: 200,
        body: shapes.showChange(await getChange(deps, { issuer: caller.accountId, changeId: params.id })),
      }),
    }),
  ];
}
