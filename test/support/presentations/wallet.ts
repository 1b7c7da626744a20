import { X509Certificate } from "node:crypto";
import { expect } from "chai";
import { CompactEncrypt, compactVerify, importJWK, type JWK } from "jose";
import type { Answer } from "../ask";
import { ask } from "../ask";

/** A request object as a wallet reads it. */
export interface ReadRequest {
  header: { alg: string; typ: string; x5c?: string[]; kid?: string };
  claims: {
    client_id: string;
    response_mode: string;
    response_uri: string;
    nonce: string;
    state: string;
    dcql_query: { credentials: { id: string }[] };
    client_metadata: { jwks?: { keys: JWK[] }; encrypted_response_enc_values_supported?: string[] };
    [claim: string]: unknown;
  };
}

/** Follows a wallet's link to the request object and verifies its signature with the certificate it brings. */
export async function readRequest(walletUrl: string): Promise<ReadRequest> {
  const parameters = new URL(walletUrl).searchParams;
  const answer = await ask(parameters.get("request_uri") ?? "", "GET");
  expect(answer.status, answer.text).to.equal(200);
  expect(answer.headers.get("content-type")).to.equal("application/oauth-authz-req+jwt");
  const { protectedHeader, payload } = await compactVerify(answer.text, ({ x5c: [leaf = ""] = [] }) =>
    Promise.resolve(new X509Certificate(Buffer.from(leaf, "base64")).publicKey),
  );
  const claims = JSON.parse(Buffer.from(payload).toString("utf8")) as ReadRequest["claims"];
  expect(claims.client_id).to.equal(parameters.get("client_id"));
  return { header: protectedHeader as ReadRequest["header"], claims };
}

/** Submits a `vp_token` as the request asks for it: encrypted or plain. */
export async function submit({ claims }: ReadRequest, vpToken: unknown, changes: SubmitChanges = {}): Promise<Answer> {
  const form =
    claims.response_mode === "direct_post.jwt"
      ? { response: await encrypt(claims, { vp_token: vpToken, state: claims.state, ...changes.payload }, changes) }
      : { vp_token: JSON.stringify(vpToken), state: claims.state };
  return post(claims.response_uri, form);
}

export interface SubmitChanges {
  /** Members of the encrypted payload. */
  payload?: object;
  header?: object;
  key?: JWK;
}

/** Encrypts a response to the request's key. */
export async function encrypt(
  claims: ReadRequest["claims"],
  payload: object,
  changes: SubmitChanges = {},
): Promise<string> {
  const [jwk] = claims.client_metadata.jwks?.keys ?? [];
  if (jwk === undefined) throw new RangeError("the request asks for no encryption");
  const [enc = "A128GCM"] = claims.client_metadata.encrypted_response_enc_values_supported ?? [];
  const header = { alg: "ECDH-ES", enc, kid: jwk.kid ?? "", ...changes.header };
  return new CompactEncrypt(Buffer.from(JSON.stringify(payload)))
    .setProtectedHeader(header)
    .encrypt(await importJWK(changes.key ?? jwk, "ECDH-ES"));
}

export function post(url: string, form: Record<string, string>): Promise<Answer> {
  return ask(url, "POST", {
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams(form).toString(),
  });
}
