import { z } from "zod";
import { API_KEY_PREFIXES } from "../../core/keys/apiKeys";
import { defineEndpoint, type Endpoint, type RejectionDescription } from "../http/endpoint";
import type { IssuerActions } from "./actions";
import { SIGNING_ALGORITHMS, type SigningKey } from "./rules";
import type { IssuerAccount } from "./store";

const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, "is not an address: give 0x and 40 hexadecimal digits")
  .transform((text) => text.toLowerCase())
  .meta({ description: "The issuer's address", examples: ["0x70997970c51812dc3a010c7d01b50e0d17dc79c8"] });
const algorithm = z
  .enum(SIGNING_ALGORITHMS)
  .default("EdDSA")
  .meta({ description: "What the issuer signs credentials with" });
const moment = z.iso.datetime();

const addBody = z.strictObject({
  name: z.string().trim().min(1).max(200),
  algorithm,
  metadataUri: z.url().max(2_048).optional().meta({ description: "Where to read about the issuer; goes on the chain" }),
});
const params = z.strictObject({ address });

const keyReply = z.strictObject({
  kid: z.string().meta({ description: "RFC 7638 thumbprint; the fragment of the key's id in the DID document" }),
  algorithm: z.enum(SIGNING_ALGORITHMS),
  publicJwk: z.record(z.string(), z.string()),
  createdAt: moment,
  retiredAt: moment.nullable(),
  withdrawnAt: moment.nullable(),
});
const issuerReply = z.strictObject({
  address: z.string(),
  did: z.string(),
  name: z.string(),
  metadataUri: z.string(),
  accredited: z.boolean().meta({ description: "Whether the chain accredits it, as last seen by the worker" }),
  anchored: z.boolean().meta({ description: "Whether the chain names the present DID document" }),
  fault: z.string().nullable().meta({ description: "What holds up its anchoring" }),
  keys: z.array(keyReply),
  createdAt: moment,
});

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
export function issuerEndpoints({ actions }: { actions: IssuerActions }): Endpoint[] {
  return [
    defineEndpoint({
      method: "post",
      path: "/issuers",
      tag: "Issuers",
      summary: "Register an issuer",
      description:
        "Makes its keys and DID document; the worker puts them on the chain and, as the registry's owner, accredits it.",
      auth: "admin",
      body: addBody,
      replies: {
        201: {
          description: "The issuer and its API key, shown this once.",
          schema: issuerReply.extend({ apiKey: z.string() }),
        },
      },
      handle: async ({ body }, { requestId }) => {
        const { account, apiKey } = await actions.add({ ...body, metadataUri: body.metadataUri ?? "", requestId });
        return { status: 201, body: { ...showIssuer(account), apiKey } };
      },
    }),
    defineEndpoint({
      method: "get",
      path: "/issuers/:address",
      tag: "Issuers",
      summary: "Read an issuer",
      auth: "none",
      params,
      replies: { 200: { description: "What is known of the issuer.", schema: issuerReply } },
      rejections: [UNKNOWN],
      handle: async (input) => ({ status: 200, body: showIssuer(await actions.get(input.params.address)) }),
    }),
    defineEndpoint({
      method: "get",
      path: "/issuers/:address/documents/:hash",
      tag: "Issuers",
      summary: "Read a version of an issuer's DID document",
      description: "The bytes whose SHA-256 is the name, and which the registry holds as `documentHash`.",
      auth: "none",
      params: params.extend({
        hash: z.string().regex(/^0x[0-9a-f]{64}$/, "is not a digest: give 0x and 64 lower-case hexadecimal digits"),
      }),
      replies: { 200: { description: "The DID document.", mediaType: "application/did+ld+json" } },
      rejections: [
        UNKNOWN,
        {
          code: "issuer.document_unknown",
          kind: "not_found",
          meaning: "The issuer never had a document of this digest.",
        },
      ],
      handle: async (input) => {
        const { body, hash } = await actions.document(input.params.address, input.params.hash);
        const headers = {
          "content-type": "application/did+ld+json",
          etag: `"${hash}"`,
          "cache-control": "public, max-age=31536000, immutable",
        };
        return { status: 200, body: Buffer.from(body), headers };
      },
    }),
    defineEndpoint({
      method: "post",
      path: "/issuers/:address/keys",
      tag: "Issuers",
      summary: "Rotate an issuer's signing key",
      description:
        "The new key signs as soon as the chain names the document that shows it. Credentials signed before stay good.",
      auth: "admin",
      params,
      body: z.strictObject({ algorithm }),
      replies: { 202: { description: "The new key; its anchoring is under way.", schema: keyReply } },
      rejections: [UNKNOWN, CONTENDED],
      handle: async (input, { requestId }) => {
        const key = await actions.rotateKey(input.params.address, input.body.algorithm, requestId);
        return { status: 202, body: showKey(key) };
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
      params: params.extend({ kid: z.string().min(1).max(100) }),
      replies: { 202: { description: "The document without the key is on its way to the chain." } },
      rejections: [
        UNKNOWN,
        CONTENDED,
        { code: "issuer.key_unknown", kind: "not_found", meaning: "The issuer has no signing key of this name." },
        { code: "issuer.key_last", kind: "conflict", meaning: "It is the key the issuer signs with: rotate first." },
      ],
      handle: async (input, { requestId }) => {
        await actions.withdrawKey(input.params.address, input.params.kid, requestId);
        return { status: 202 };
      },
    }),
    defineEndpoint({
      method: "post",
      path: "/issuers/:address/api-keys",
      tag: "Issuers",
      summary: "Give an issuer a further API key",
      auth: "admin",
      params,
      replies: {
        201: {
          description: "The key, shown this once.",
          schema: z.strictObject({ id: z.uuid(), apiKey: z.string().startsWith(API_KEY_PREFIXES.issuer) }),
        },
      },
      rejections: [UNKNOWN],
      handle: async (input) => ({ status: 201, body: await actions.addApiKey(input.params.address) }),
    }),
    defineEndpoint({
      method: "delete",
      path: "/issuers/:address/api-keys/:id",
      tag: "Issuers",
      summary: "Revoke an issuer's API key",
      auth: "admin",
      params: params.extend({ id: z.uuid() }),
      replies: { 204: { description: "The key is worthless from now on." } },
      rejections: [{ code: "api_key.not_found", kind: "not_found", meaning: "The issuer has no API key of this id." }],
      handle: async (input) => {
        await actions.revokeApiKey(input.params.address, input.params.id);
        return { status: 204 };
      },
    }),
  ];
}

function showIssuer({ address: issuer, did, name, metadataUri, accredited, fault, ...account }: IssuerAccount) {
  const anchored = account.anchoredHash !== null && account.anchoredHash === account.documents.at(-1)?.hash;
  const { createdAt } = account;
  return {
    address: issuer,
    did,
    name,
    metadataUri,
    accredited,
    anchored,
    fault,
    keys: account.keys.map(showKey),
    createdAt,
  };
}

/** The key store's name of a key is nobody else's concern. */
function showKey({ kid, algorithm: alg, publicJwk, createdAt, retiredAt, withdrawnAt }: SigningKey) {
  return { kid, algorithm: alg, publicJwk, createdAt, retiredAt, withdrawnAt };
}
