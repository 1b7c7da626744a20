import { expect } from "chai";
import { type Answer, ask } from "../ask";
import type { TestHolder, TestIssuer } from "../credentialActors";
import type { Fixture } from "../fixture";
import { type JoseKey, signJws } from "../presentations/sdJwtWallet";

export const PRE_AUTHORIZED_CODE_GRANT = "urn:ietf:params:oauth:grant-type:pre-authorized_code";

/** An offer as its issuer is shown it. */
export interface Offered {
  offerId: string;
  link: string;
  linkByValue: string;
  txCode: string | null;
  /** The Credential Issuer Identifier. */
  issuerUrl: string;
  code: string;
}

/** Offers an `EducationCredential`; `over` replaces parts of the request. */
export async function offer(on: Fixture, issuer: TestIssuer, holder: TestHolder, over: object = {}): Promise<Offered> {
  const claims = { name: "Alice Smith", degree: "BS Computer Science" };
  const body = { subjectDid: holder.did, type: "EducationCredential", claims, ...over };
  const answer = await on.ask("POST", "/credential-offers", { token: issuer.apiKey, body });
  expect(answer.status, answer.text).to.equal(201);
  const { offerId, link, linkByValue, txCode, credentialOffer } = answer.body;
  const { grants, credential_issuer: issuerUrl } = credentialOffer;
  return {
    offerId,
    link,
    linkByValue,
    txCode,
    issuerUrl,
    code: grants[PRE_AUTHORIZED_CODE_GRANT]["pre-authorized_code"],
  };
}

/** Redeems an offer's code; `form` replaces parameters, null leaves one out. */
export function redeem(
  { issuerUrl, code, txCode }: Pick<Offered, "issuerUrl" | "code" | "txCode">,
  form: Record<string, string | null> = {},
): Promise<Answer> {
  const given = {
    grant_type: PRE_AUTHORIZED_CODE_GRANT,
    "pre-authorized_code": code,
    tx_code: txCode,
    ...form,
  };
  const sent = Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== null);
  return ask(`${issuerUrl}/token`, "POST", {
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams(sent).toString(),
  });
}

/** The access token of an offer. */
export async function tokenOf(offered: Offered): Promise<string> {
  const { status, text, body } = await redeem(offered);
  expect(status, text).to.equal(200);
  return body["access_token"] as string;
}

export async function nonceOf({ issuerUrl }: Pick<Offered, "issuerUrl">): Promise<string> {
  const { status, text, body } = await ask(`${issuerUrl}/nonce`, "POST");
  expect(status, text).to.equal(200);
  return body["c_nonce"] as string;
}

export interface ProofChanges {
  header?: object;
  payload?: object;
  /** Signs instead of the key that the proof names. */
  signer?: JoseKey;
}

/** A key proof as a wallet makes it, or as one that a test makes misbehave. */
export function proofOf(
  key: JoseKey,
  { issuerUrl }: Pick<Offered, "issuerUrl">,
  { nonce, now, ...changes }: { nonce: string; now: Date } & ProofChanges,
): string {
  const header = { alg: key.alg, typ: "openid4vci-proof+jwt", jwk: key.jwk, ...changes.header };
  const payload = { aud: issuerUrl, iat: Math.floor(now.getTime() / 1000), nonce, ...changes.payload };
  return signJws(changes.signer ?? key, header, payload);
}

/** Asks for the credential; `over` replaces members of the request. */
export function fetchCredential(
  { issuerUrl }: Pick<Offered, "issuerUrl">,
  token: string,
  proof: string,
  over: object = {},
): Promise<Answer> {
  const body = { credential_configuration_id: "EducationCredential", proofs: { jwt: [proof] }, ...over };
  return ask(`${issuerUrl}/credential`, "POST", { token, body });
}
