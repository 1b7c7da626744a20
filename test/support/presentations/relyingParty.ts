import { createPublicKey } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { Answer } from "../ask";
import type { TestVerifier } from "../credentialActors";
import { ADMIN_KEY, type Fixture, fixture, type FixtureOptions } from "../fixture";
import { encoded, type Party, party } from "./certificates";
import { type Issued, issue, type IssueOptions, type JoseKey, present, type PresentOptions, VCT } from "./sdJwtWallet";
import { readRequest, type ReadRequest } from "./wallet";

/** Where the test verifier's browser may be sent. */
export const RETURN_URL = "https://shop.example/return";

/** Asks for two claims of the test issuer's credential. */
export const IDENTITY_QUERY = {
  credentials: [
    {
      id: "identity",
      format: "dc+sd-jwt",
      meta: { vct_values: [VCT] },
      claims: [{ path: ["given_name"] }, { path: ["age"] }],
    },
  ],
};

/** A request as its maker and the wallet have it. */
export interface Asked {
  transactionId: string;
  requestId: string;
  authorizationUrl: string;
  request: ReadRequest;
}

/** Cairn with a verifier's account, and an issuer whose certificate it trusts. */
export interface RelyingParty {
  on: Fixture;
  verifier: TestVerifier;
  issuer: Party;
  /** A credential of the trusted issuer. */
  issued: Issued;
  /** Another one. */
  issueAs(by: Party, options?: IssueOptions): Promise<Issued>;
  ask(body?: object): Promise<Asked>;
  /** A `vp_token` that answers {@link IDENTITY_QUERY}. */
  token(request: ReadRequest, options?: PresentOptions, credential?: Issued): { identity: string[] };
  result(transactionId: string, options?: { code?: string; apiKey?: string }): Promise<Answer>;
  close(): Promise<void>;
}

export async function relyingParty(name: string, options: FixtureOptions = {}): Promise<RelyingParty> {
  const folder = mkdtempSync(join(tmpdir(), "cairn-anchors-"));
  const issuer = await party("Issuer", { authority: false, host: "issuer.example" });
  const trustAnchorsFile = join(folder, "anchors.pem");
  writeFileSync(trustAnchorsFile, issuer.certificate.toString());
  const on = await fixture(name, {
    modules: ["presentations", "verification"],
    ...options,
    config: {
      ...options.config,
      presentations: { trustAnchorsFile, ...options.config?.presentations },
    },
  });
  const verifier = await newVerifierWithReturn(on);
  const issueAs = (by: Party, changes: IssueOptions = {}) =>
    issue({ issuer: joseKeyOf(by), ...changes, header: { x5c: [encoded(by)], ...changes.header } });
  const issued = await issueAs(issuer);
  return {
    on,
    verifier,
    issuer,
    issued,
    issueAs,
    async ask(body = {}) {
      const asked = { dcqlQuery: IDENTITY_QUERY, ...body };
      const created = await on.ask("POST", "/vp-request", { token: verifier.apiKey, body: asked });
      expect(created.status, created.text).to.equal(201);
      const { transactionId, requestId, authorizationUrl } = created.body as unknown as Asked;
      return { transactionId, requestId, authorizationUrl, request: await readRequest(authorizationUrl) };
    },
    token({ claims }, changes = {}, credential = issued) {
      const kb = { aud: claims.client_id, nonce: claims.nonce, ...changes.kb };
      return { identity: [present(credential, on.context.clock.now(), { ...changes, kb })] };
    },
    result(transactionId, { code, apiKey = verifier.apiKey } = {}) {
      const query = code === undefined ? "" : `?response_code=${encodeURIComponent(code)}`;
      return on.ask("GET", `/vp-result/${transactionId}${query}`, { token: apiKey });
    },
    async close() {
      await on.close();
      rmSync(folder, { recursive: true });
    },
  };
}

async function newVerifierWithReturn(on: Fixture): Promise<TestVerifier> {
  const body = { name: "ACME", redirectUris: [RETURN_URL] };
  const added = await on.ask("POST", "/verifiers", { token: ADMIN_KEY, body });
  expect(added.status, added.text).to.equal(201);
  return added.body as unknown as TestVerifier;
}

/** A certified key as JOSE has it. */
export function joseKeyOf({ privateKey }: Party): JoseKey {
  const publicKey = createPublicKey(privateKey);
  return { alg: "ES256", privateKey, publicKey, jwk: publicKey.export({ format: "jwk" }) as JoseKey["jwk"] };
}
