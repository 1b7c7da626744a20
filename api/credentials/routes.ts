import { z } from "zod";
import { defineEndpoint, type Endpoint, type RejectionDescription } from "../http/endpoint";
import type { CredentialActions } from "./actions";
import { STATUS_CHANGES, schemaUrl } from "./rules";
import * as shapes from "./schemas";
import { sharePng, shareSvg } from "./share";

const UNKNOWN: RejectionDescription = {
  code: "credential.unknown",
  kind: "not_found",
  meaning: "There is no such credential, or it is not the caller's.",
};

/** Bytes of a picture: whatever they are. */
const picture = z.looseObject({}).meta({ description: "image/svg+xml or image/png" });

const SUMMARIES = {
  revoke: "Revoke credentials for good",
  suspend: "Suspend credentials",
  reinstate: "Lift the suspension of credentials",
} as const;

/** Issuing, holding, sharing and revoking credentials. */
export function credentialEndpoints({
  actions,
  publicUrl,
}: {
  actions: CredentialActions;
  publicUrl: string;
}): Endpoint[] {
  return [...issuerEndpoints(actions, publicUrl), ...holderEndpoints(actions)];
}

function issuerEndpoints(actions: CredentialActions, publicUrl: string): Endpoint[] {
  return [
    defineEndpoint({
      method: "put",
      path: "/credential-types/:type",
      tag: "Credentials",
      summary: "Set the schema of a credential type",
      auth: "issuer",
      params: shapes.typeParams,
      body: shapes.typeBody,
      replies: {
        200: { description: "Claims of the type are validated by it from now on.", schema: shapes.typeReply },
      },
      rejections: [
        {
          code: "credential_type.schema_invalid",
          kind: "invalid",
          meaning: "The schema describes no object, is too large, or cannot be checked here.",
        },
      ],
      handle: async ({ params, body, caller }) => {
        const { schemaId, type } = await actions.putType(caller.accountId, params.type, body.schema);
        return { status: 200, body: { type, schemaId, schema: schemaUrl(publicUrl, schemaId) } };
      },
    }),
    defineEndpoint({
      method: "get",
      path: "/credential-schemas/:schemaId",
      tag: "Credentials",
      summary: "Read a schema of claims",
      auth: "none",
      params: shapes.schemaParams,
      replies: { 200: { description: "The JSON Schema.", mediaType: "application/schema+json" } },
      rejections: [{ code: "credential_type.unknown", kind: "not_found", meaning: "There is no schema of this name." }],
      handle: async ({ params }) => {
        const { body } = await actions.schema(params.schemaId);
        const headers = {
          "content-type": "application/schema+json",
          "cache-control": "public, max-age=31536000, immutable",
        };
        return { status: 200, body: Buffer.from(body), headers };
      },
    }),
    defineEndpoint({
      method: "post",
      path: "/credentials/issue",
      tag: "Credentials",
      summary: "Issue a credential",
      auth: "issuer",
      body: shapes.issueBody,
      replies: {
        201: { description: "The credential.", schema: shapes.credentialReply },
        200: {
          description: "The credential that was issued under this reference before.",
          schema: shapes.credentialReply,
        },
      },
      rejections: [
        { code: "credential_type.unknown", kind: "not_found", meaning: "The issuer has put no schema for this type." },
        {
          code: "credential.claims_invalid",
          kind: "invalid",
          meaning: "The claims are not as the type's schema has it.",
        },
        { code: "credential.expiry_past", kind: "invalid", meaning: "expiresAt lies in the past." },
        {
          code: "credential.reference_taken",
          kind: "conflict",
          meaning: "The reference names another credential of the issuer.",
        },
        { code: "did.invalid", kind: "invalid", meaning: "subjectDid is no DID." },
        { code: "did.method_not_supported", kind: "not_implemented", meaning: "subjectDid is of another method." },
        { code: "issuer.not_accredited", kind: "forbidden", meaning: "The chain does not accredit the issuer." },
        { code: "issuer.not_ready", kind: "conflict", meaning: "The issuer's DID document is not anchored yet." },
        { code: "issuer.unknown", kind: "not_found", meaning: "The issuer is not registered here any more." },
      ],
      handle: async ({ body, caller }) => {
        const { subjectDid, type, claims, maxUsages, expiresAt, reference } = body;
        const input = { issuer: caller.accountId, subjectDid, type, claims, maxUsages, expiresAt, reference };
        const { shown, created } = await actions.issue(input);
        return { status: created ? 201 : 200, body: shapes.replyOf(shown) };
      },
    }),
    defineEndpoint({
      method: "get",
      path: "/credentials/issued/:id",
      tag: "Credentials",
      summary: "Read a credential the caller issued",
      auth: "issuer",
      params: shapes.idParams,
      replies: { 200: { description: "The credential.", schema: shapes.credentialReply } },
      rejections: [UNKNOWN],
      handle: async ({ params, caller }) => ({
        status: 200,
        body: shapes.replyOf(await actions.getForIssuer(caller.accountId, params.id)),
      }),
    }),
    ...STATUS_CHANGES.map((change) =>
      defineEndpoint({
        method: "post",
        path: `/credentials/${change}`,
        tag: "Credentials",
        summary: SUMMARIES[change],
        description: "Queued for the chain; the job is `final` when the index shows it. One credential or up to 256.",
        auth: "issuer",
        body: shapes.changeBody,
        replies: { 202: { description: "The job that carries it out.", schema: shapes.changeReply } },
        rejections: [
          UNKNOWN,
          { code: "credential.revocation_final", kind: "conflict", meaning: "One of them is revoked, which is final." },
        ],
        handle: async ({ body, caller }, { requestId }) => {
          const credentialIds = body.credentialIds ?? (body.credentialId === undefined ? [] : [body.credentialId]);
          const job = await actions.requestChange({ issuer: caller.accountId, change, credentialIds, requestId });
          const headers = { location: `${publicUrl}/credentials/status-changes/${job.changeId}` };
          return { status: 202, body: shapes.changeReplyOf(job), headers };
        },
      }),
    ),
    defineEndpoint({
      method: "get",
      path: "/credentials/status-changes/:id",
      tag: "Credentials",
      summary: "Follow a change of status",
      auth: "issuer",
      params: shapes.idParams,
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
        body: shapes.changeReplyOf(await actions.getChange(caller.accountId, params.id)),
      }),
    }),
  ];
}

function holderEndpoints(actions: CredentialActions): Endpoint[] {
  return [
    defineEndpoint({
      method: "get",
      path: "/credentials",
      tag: "Credentials",
      summary: "List the holder's credentials",
      description: "Those of every wallet the user has linked, the newest first; usable ones unless `status=all`.",
      auth: "session",
      query: shapes.listQuery,
      replies: { 200: { description: "One page.", schema: shapes.listReply } },
      rejections: [{ code: "credential.cursor_invalid", kind: "invalid", meaning: "The cursor is none of ours." }],
      handle: async ({ query, caller }) => {
        const { status, type, issuer, limit, cursor } = query;
        const before = cursor === undefined ? null : shapes.readCursor(cursor);
        const page = await actions.listFor(
          caller.userId,
          { usable: status === "active", type, issuer },
          { limit, before },
        );
        const next = page.last === undefined ? null : shapes.writeCursor(page.last);
        return { status: 200, body: { credentials: page.credentials.map(shapes.replyOf), next } };
      },
    }),
    defineEndpoint({
      method: "get",
      path: "/credentials/:id",
      tag: "Credentials",
      summary: "Read one of the holder's credentials",
      auth: "session",
      params: shapes.idParams,
      replies: { 200: { description: "The credential.", schema: shapes.credentialReply } },
      rejections: [UNKNOWN],
      handle: async ({ params, caller }) => ({
        status: 200,
        body: shapes.replyOf(await actions.getFor(caller.userId, params.id)),
      }),
    }),
    defineEndpoint({
      method: "get",
      path: "/credentials/:id/share",
      tag: "Credentials",
      summary: "Share a credential as a QR code",
      description:
        "The code lets a verifier ask for the credential. It proves nothing: only the holder's signature does.",
      auth: "session",
      params: shapes.idParams,
      query: shapes.shareQuery,
      replies: {
        200: {
          description: "The payload with both pictures, or one picture (image/svg+xml, image/png).",
          schema: z.union([shapes.shareReply, picture]),
        },
      },
      rejections: [UNKNOWN],
      handle: async ({ params, query, caller }) => {
        const payload = await actions.shareFor(caller.userId, params.id);
        if (query.format === "svg") {
          return {
            status: 200,
            body: Buffer.from(await shareSvg(payload)),
            headers: { "content-type": "image/svg+xml" },
          };
        }
        const png = await sharePng(payload);
        if (query.format === "png") return { status: 200, body: png, headers: { "content-type": "image/png" } };
        const body = { payload, svg: await shareSvg(payload), png: `data:image/png;base64,${png.toString("base64")}` };
        return { status: 200, body };
      },
    }),
  ];
}
