import { z } from "zod";
import { DomainError } from "../../core/errors";
import { defineEndpoint, type Endpoint, type RejectionDescription } from "../http/endpoint";
import {
  type CredentialDeps,
  getCredential,
  getIssuedCredential,
  issueCredential,
  listCredentials,
  listIssued,
  shareCredential,
} from "./actions";
import { createQrCode, qrCodePng, qrCodeSvg } from "./qrCode";
import * as shapes from "./schemas";

const CURSOR_INVALID: RejectionDescription = {
  code: "credential.cursor_invalid",
  kind: "invalid",
  meaning: "The cursor is none of ours.",
};
const UNKNOWN: RejectionDescription = {
  code: "credential.unknown",
  kind: "not_found",
  meaning: "There is no such credential, or it is not the caller's.",
};

const DEACTIVATED: RejectionDescription = {
  code: "did.deactivated",
  kind: "gone",
  meaning: "The DID of the credential's subject was deactivated: nobody is its holder any more.",
};

/** What speaks against issuing a credential, now or to a wallet. */
export const ISSUING_REJECTIONS: RejectionDescription[] = [
  { code: "credential_type.unknown", kind: "not_found", meaning: "The issuer has put no schema for this type." },
  {
    code: "credential.claims_invalid",
    kind: "invalid",
    meaning: "The claims are not as the type's schema has it.",
  },
  { code: "credential.expiry_past", kind: "invalid", meaning: "expiresAt lies in the past." },
  { code: "did.invalid", kind: "invalid", meaning: "subjectDid is no DID." },
  { code: "did.method_not_supported", kind: "not_implemented", meaning: "subjectDid is of another method." },
  DEACTIVATED,
  { code: "issuer.not_accredited", kind: "forbidden", meaning: "The chain does not accredit the issuer." },
  { code: "issuer.not_ready", kind: "conflict", meaning: "The issuer's DID document is not anchored yet." },
  { code: "issuer.unknown", kind: "not_found", meaning: "The issuer is not registered here any more." },
];

/** Bytes of a picture: whatever they are. */
const picture = z.looseObject({}).meta({ description: "image/svg+xml or image/png" });

/** Issuing credentials. */
export function issuingEndpoints(deps: CredentialDeps): Endpoint[] {
  return [
    defineEndpoint({
      method: "post",
      path: "/credentials/issue",
      tag: "Credentials",
      summary: "Issue a credential",
      description:
        "`vc+jwt`: W3C Verifiable Credentials 2.0. `dc+sd-jwt`: SD-JWT VC, whose holder chooses which claims to disclose.",
      auth: "issuer",
      limit: { name: "credential-issue", limit: 6_000, windowSeconds: 60, by: "user" },
      body: shapes.issueBody,
      replies: {
        201: { description: "The credential.", schema: shapes.credentialReply },
        200: {
          description: "The credential that was issued under this reference before.",
          schema: shapes.credentialReply,
        },
      },
      rejections: [
        ...ISSUING_REJECTIONS,
        {
          code: "credential.reference_taken",
          kind: "conflict",
          meaning: "The reference names another credential of the issuer.",
        },
      ],
      handle: async ({ body, caller }) => {
        const { subjectDid, type, claims, maxUsages, expiresAt, reference, form } = body;
        const { shown, created } = await issueCredential(deps, {
          issuer: caller.accountId,
          subjectDid,
          type,
          claims,
          maxUsages,
          expiresAt,
          reference,
          form,
        });
        return { status: created ? 201 : 200, body: shapes.showCredential(shown) };
      },
    }),
    defineEndpoint({
      method: "get",
      path: "/credentials/issued",
      tag: "Credentials",
      summary: "List what the caller issued",
      description: "The newest first; by holder, type and state, or the one of the issuer's own `reference`.",
      auth: "issuer",
      query: shapes.issuedQuery,
      replies: { 200: { description: "One page.", schema: shapes.issuedReply } },
      rejections: [CURSOR_INVALID],
      handle: async ({ query, caller }) => {
        const { cursor, limit, ...filter } = query;
        const before = cursor === undefined ? null : shapes.readCursor(cursor);
        const { credentials, last } = await listIssued(deps, {
          ...filter,
          issuer: caller.accountId,
          page: { limit, before },
        });
        const next = last === undefined ? null : shapes.writeCursor(last);
        return { status: 200, body: { credentials: credentials.map(shapes.showCredential), next } };
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
        body: shapes.showCredential(
          await getIssuedCredential(deps, { issuer: caller.accountId, credentialId: params.id }),
        ),
      }),
    }),
  ];
}

/** What holders do with their credentials. */
export function holderEndpoints(deps: CredentialDeps): Endpoint[] {
  return [
    defineEndpoint({
      method: "get",
      path: "/credentials",
      tag: "Credentials",
      summary: "List the holder's credentials",
      description:
        "Those of every DID that the user's wallets control on the chain now, the newest first; usable ones unless `status=all`. `dids` names every DID and who controls it.",
      auth: "session",
      query: shapes.listQuery,
      replies: { 200: { description: "One page.", schema: shapes.listReply } },
      rejections: [
        CURSOR_INVALID,
        { code: "credential.not_own", kind: "forbidden", meaning: "userId is another user's." },
      ],
      handle: async ({ query, caller }) => {
        const { status, type, issuer, limit, cursor } = query;
        requireOwn(query.userId, caller.userId);
        const before = cursor === undefined ? null : shapes.readCursor(cursor);
        const { credentials, dids, last } = await listCredentials(deps, {
          userId: caller.userId,
          usable: status === "active",
          type,
          issuer,
          page: { limit, before },
        });
        const next = last === undefined ? null : shapes.writeCursor(last);
        return { status: 200, body: { credentials: credentials.map(shapes.showCredential), dids, next } };
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
      rejections: [UNKNOWN, DEACTIVATED],
      handle: async ({ params, caller }) => ({
        status: 200,
        body: shapes.showCredential(await getCredential(deps, { userId: caller.userId, credentialId: params.id })),
      }),
    }),
    shareEndpoint(deps),
  ];
}

function shareEndpoint(deps: CredentialDeps): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/credentials/:id/share",
    tag: "Credentials",
    summary: "Share a credential as a QR code",
    description:
      "The code lets a verifier ask for the credential. It proves nothing: only the holder's signature does.",
    auth: "session",
    // A picture takes milliseconds of the one thread that everybody shares.
    limit: { name: "credential-share", limit: 60, windowSeconds: 60, by: "user" },
    params: shapes.idParams,
    query: shapes.shareQuery,
    replies: {
      200: {
        description: "The payload with both pictures, or one picture (image/svg+xml, image/png).",
        schema: z.union([shapes.shareReply, picture]),
      },
    },
    rejections: [UNKNOWN, DEACTIVATED],
    handle: async ({ params, query, caller }) => {
      const payload = await shareCredential(deps, { userId: caller.userId, credentialId: params.id });
      const code = createQrCode(JSON.stringify(payload));
      if (query.format === "svg") {
        return { status: 200, body: Buffer.from(qrCodeSvg(code)), headers: { "content-type": "image/svg+xml" } };
      }
      const png = await qrCodePng(code);
      if (query.format === "png") return { status: 200, body: png, headers: { "content-type": "image/png" } };
      const body = { payload, svg: qrCodeSvg(code), png: `data:image/png;base64,${png.toString("base64")}` };
      return { status: 200, body };
    },
  });
}

/** @throws DomainError `credential.not_own` */
function requireOwn(asked: string | undefined, userId: string): void {
  if (asked === undefined || asked === userId) return;
  throw new DomainError("credential.not_own", "forbidden", "userId is another user's: leave it out, or give your own.");
}
