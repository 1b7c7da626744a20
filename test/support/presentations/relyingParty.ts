import { expect } from "chai";
import type { Answer } from "../ask";
import type { TestVerifier } from "../credentialActors";
import { ADMIN_KEY, type Fixture, fixture, type FixtureOptions } from "../fixture";
import { encoded, type Party } from "./certificates";
import { type Issued, issue, type IssueOptions, present, type PresentOptions } from "./sdJwtWallet";
import { createTrustedIssuer, IDENTITY_QUERY, joseKeyOf } from "./trustedIssuer";
import { readRequest, type ReadRequest } from "./wallet";

/** Where the test verifier's browser may be sent. */
export const RETURN_URL = "https://shop.example/return";

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
  const { issuer, anchorsFile: trustAnchorsFile, removeAnchors } = await createTrustedIssuer();
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
      removeAnchors();
    },
  };
}

async function newVerifierWithReturn(on: Fixture): Promise<TestVerifier> {
  const body = { name: "ACME", redirectUris: [RETURN_URL] };
  const added = await on.ask("POST", "/verifiers", { token: ADMIN_KEY, body });
  expect(added.status, added.text).to.equal(201);
  return added.body as unknown as TestVerifier;
}
