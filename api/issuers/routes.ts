import { z } from "zod";
import { API_KEY_PREFIXES } from "../../core/keys/apiKeys";
import { cachedReply, NOT_MODIFIED } from "../http/cachedBody";
import { defineEndpoint, type Endpoint, type RejectionDescription } from "../http/endpoint";
import {
  addApiKey,
  addIssuer,
  getDocument,
  getIssuer,
  type IssuerDeps,
  revokeApiKey,
  rotateKey,
  withdrawKey,
} from "./actions";
import * as shapes from "./schemas";

const UNKNOWN: RejectionDescription = {
  code: "issuer.unknown",
  kind: "not_found",
  meaning: "No issuer of this address is registered here.",
};
const CONTENDED: RejectionDescription = {
  code: "issuer.key_contended",
  kind: "conflict",
  meaning: "The issuer's keys were changed by someone else at the same time.",
};

/** Onboarding of issuers, their keys and their DID documents. */
export function issuerEndpoints(deps: IssuerDeps): Endpoint[] {
  return [...accountEndpoints(deps), ...signingKeyEndpoints(deps), ...apiKeyEndpoints(deps)];
}

function accountEndpoints(deps: IssuerDeps): Endpoint[] {
  return [
    defineEndpoint({
      method: "post",
      path: "/issuers",
      tag: "Issuers",
      summary: "Register an issuer",
      description:
        "Makes its keys and DID document; the worker puts them on the chain and, as the registry's owner, accredits it.",
      auth: "admin",
      body: shapes.addBody,
      replies: {
        201: {
          description: "The issuer and its API key, shown this once.",
          schema: shapes.issuerReply.extend({ apiKey: z.string() }),
        },
      },
      handle: async ({ body }, { requestId }) => {
        const { account, apiKey } = await addIssuer(deps, {
          name: body.name,
          algorithm: body.algorithm,
          metadataUri: body.metadataUri ?? "",
          requestId,
        });
        return { status: 201, body: { ...shapes.showIssuer(account), apiKey } };
      },
    }),
    defineEndpoint({
      method: "get",
      path: "/issuers/:address",
      tag: "Issuers",
      summary: "Read an issuer",
      auth: "none",
      forEveryOrigin: true,
      params: shapes.params,
      replies: { 200: { description: "What is known of the issuer.", schema: shapes.issuerReply } },
      rejections: [UNKNOWN],
      handle: async (input) => ({ status: 200, body: shapes.showIssuer(await getIssuer(deps, input.params.address)) }),
    }),
    defineEndpoint({
      method: "get",
      path: "/issuers/:address/documents/:hash",
      tag: "Issuers",
      summary: "Read a version of an issuer's DID document",
      description: "The bytes whose SHA-256 is the name, and which the registry holds as `documentHash`.",
      auth: "none",
      forEveryOrigin: true,
      params: shapes.params.extend({
        hash: z.string().regex(/^0x[0-9a-f]{64}$/, "is not a digest: give 0x and 64 lower-case hexadecimal digits"),
      }),
      replies: {
        200: { description: "The DID document.", mediaType: "application/did+ld+json" },
        304: NOT_MODIFIED,
      },
      rejections: [
        UNKNOWN,
        {
          code: "issuer.document_unknown",
          kind: "not_found",
          meaning: "The issuer never had a document of this digest.",
        },
      ],
      handle: async (input, { header }) => {
        const { body, hash } = await getDocument(deps, input.params);
        const headers = {
          "content-type": "application/did+ld+json",
          "cache-control": "public, max-age=31536000, immutable",
        };
        return cachedReply({ bytes: Buffer.from(body), etag: `"${hash}"` }, { header, headers });
      },
    }),
  ];
}

function signingKeyEndpoints(deps: IssuerDeps): Endpoint[] {
  return [
    defineEndpoint({
      method: "post",
      path: "/issuers/:address/keys",
      tag: "Issuers",
      summary: "Rotate an issuer's signing key",
      description:
        "The new key signs as soon as the chain names the document that shows it. Credentials signed before stay good.",
      auth: "admin",
      params: shapes.params,
      body: z.strictObject({ algorithm: shapes.algorithm }),
      replies: { 202: { description: "The new key; its anchoring is under way.", schema: shapes.keyReply } },
      rejections: [UNKNOWN, CONTENDED],
      handle: async (input, { requestId }) => {
        const key = await rotateKey(deps, {
          address: input.params.address,
          algorithm: input.body.algorithm,
          requestId,
        });
        return { status: 202, body: shapes.showKey(key) };
      },
    }),
    defineEndpoint({
      method: "delete",
      path: "/issuers/:address/keys/:kid",
      tag: "Issuers",
      summary: "Withdraw a signing key that is in wrong hands",
      description:
        "Every credential it signed fails verification from the moment the chain names the document without it.",
      auth: "admin",
      params: shapes.params.extend({ kid: z.string().min(1).max(100) }),
      replies: { 202: { description: "The document without the key is on its way to the chain." } },
      rejections: [
        UNKNOWN,
        CONTENDED,
        { code: "issuer.key_unknown", kind: "not_found", meaning: "The issuer has no signing key of this name." },
        { code: "issuer.key_last", kind: "conflict", meaning: "It is the key the issuer signs with: rotate first." },
      ],
      handle: async (input, { requestId }) => {
        await withdrawKey(deps, { address: input.params.address, kid: input.params.kid, requestId });
        return { status: 202 };
      },
    }),
  ];
}

function apiKeyEndpoints(deps: IssuerDeps): Endpoint[] {
  return [
    defineEndpoint({
      method: "post",
      path: "/issuers/:address/api-keys",
      tag: "Issuers",
      summary: "Give an issuer a further API key",
      auth: "admin",
      params: shapes.params,
      replies: {
        201: {
          description: "The key, shown this once.",
          schema: z.strictObject({ id: z.uuid(), apiKey: z.string().startsWith(API_KEY_PREFIXES.issuer) }),
        },
      },
      rejections: [UNKNOWN],
      handle: async (input) => ({ status: 201, body: await addApiKey(deps, input.params.address) }),
    }),
    defineEndpoint({
      method: "delete",
      path: "/issuers/:address/api-keys/:id",
      tag: "Issuers",
      summary: "Revoke an issuer's API key",
      auth: "admin",
      params: shapes.params.extend({ id: z.uuid() }),
      replies: { 204: { description: "The key is worthless from now on." } },
      rejections: [{ code: "api_key.not_found", kind: "not_found", meaning: "The issuer has no API key of this id." }],
      handle: async (input) => {
        await revokeApiKey(deps, input.params);
        return { status: 204 };
      },
    }),
  ];
}
