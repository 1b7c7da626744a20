import { expect } from "chai";
import { createHash } from "node:crypto";
import { SDJwtVcInstance, TypeMetadataFormatSchema } from "@sd-jwt/sd-jwt-vc";
import { compactVerify, createLocalJWKSet } from "jose";
import { createCredentialStore } from "../../../api/credentials/store";
import type { Answer } from "../../support/ask";
import {
  answerChallenge,
  confirm,
  issue,
  newHolder,
  newIssuer,
  newVerifier,
  present,
  type TestHolder,
  type TestIssuer,
} from "../../support/credentialActors";
import { eventually } from "../../support/eventually";
import { type Fixture, fixture } from "../../support/fixture";
import { joseKey } from "../../support/presentations/sdJwtWallet";

const CLAIMS = { name: "Alice Smith", degree: "BS Computer Science" };
const SD_JWT = { format: "dc+sd-jwt" };

for (const algorithm of ["EdDSA", "ES256"] as const) {
  describe(`a credential issued as dc+sd-jwt, signed with ${algorithm}`, () => {
    let on: Fixture;
    let issuer: TestIssuer;
    let alice: TestHolder;

    before(async () => {
      on = await fixture("sd-jwt", {
        modules: ["issuers", "credentials", "verification", "statusLists", "sessions", "audit"],
        chain: true,
        workers: true,
      });
      await on.startIndexer();
      issuer = await newIssuer(on, algorithm);
      alice = await newHolder(on);
    });
    after(() => on.close());

    it("is verified by an independent library, its status list included, and shows only what is disclosed", async () => {
      const credential = await issue(on, issuer, alice, SD_JWT);
      expect(credential.format).to.equal("dc+sd-jwt");
      const library = await libraryOf();
      const whole = await library.verify(credential.jwt);
      expect(whole.header).to.deep.include({ alg: algorithm, typ: "dc+sd-jwt" });
      expect(whole.payload).to.deep.include({ ...CLAIMS, sub: alice.did, iss: issuer.did });
      expect(whole.payload).to.deep.include({
        jti: `urn:uuid:${credential.credentialId}`,
        vct: `${on.url}/credential-types/${issuer.address}/EducationCredential`,
        cnf: { kid: `${alice.did}#controller` },
      });
      const { payload: shown } = await library.verify(await library.present(credential.jwt, { degree: true }));
      expect(shown).to.include({ degree: CLAIMS.degree });
      expect(shown).not.to.have.any.keys("name", "sub");
    });

    it("conceals with salts of 128 bits that never come twice, in an order that tells nothing", async () => {
      const issued = [await issue(on, issuer, alice, SD_JWT), await issue(on, issuer, alice, SD_JWT)];
      const disclosures = issued.flatMap(({ jwt }) => disclosuresOf(jwt as string));
      expect(disclosures.map(([, name]) => name)).to.have.members(["sub", "name", "degree", "sub", "name", "degree"]);
      const salts = disclosures.map(([salt]) => salt as string);
      expect(new Set(salts).size).to.equal(6);
      for (const salt of salts) expect(Buffer.from(salt, "base64url").length).to.equal(16);
      for (const { jwt } of issued) {
        const { _sd: digests } = payloadOf(jwt as string);
        expect(digests).to.deep.equal([...(digests as string[])].sort());
      }
    });

    it("shows what the issuer does not make disclosable, and hides how much is concealed among decoys", async () => {
      const { jwt } = await issue(on, issuer, alice, { ...SD_JWT, disclosable: ["degree"], decoys: 7 });
      const payload = payloadOf(jwt);
      expect(payload).to.include({ name: CLAIMS.name });
      expect(payload["_sd"]).to.have.length(2 + 7);
      expect(disclosuresOf(jwt).map(([, name]) => name)).to.have.members(["sub", "degree"]);
      const { payload: whole } = await (await libraryOf()).verify(jwt);
      expect(whole).to.deep.include(CLAIMS);
    });

    it("is bound to the key that the issuer names, of which nothing but the key is said", async () => {
      const { jwk } = joseKey();
      const { jwt } = await issue(on, issuer, alice, { ...SD_JWT, holderKey: { ...jwk, kid: "phone", use: "sig" } });
      expect(payloadOf(jwt)["cnf"]).to.deep.equal({ jwk });
    });

    it("is refused with what cannot be an SD-JWT VC, each field by its name", async () => {
      const schema = { type: "object", properties: { person: { type: "object" }, cnf: {} } };
      const type = "AnythingCredential";
      await on.ask("PUT", `/credential-types/${type}`, { token: issuer.apiKey, body: { schema } });
      const refused = async (body: object) =>
        fieldsOf(await on.ask("POST", "/credentials/issue", { token: issuer.apiKey, body }));
      const asked = { subjectDid: alice.did, type, claims: { person: {} }, ...SD_JWT };
      expect(await refused({ ...asked, claims: { cnf: {} } })).to.deep.equal(["body.claims.cnf"]);
      expect(await refused({ ...asked, claims: { person: { _sd: [] } } })).to.deep.equal(["body.claims.person._sd"]);
      expect(await refused({ ...asked, disclosable: ["nothing"] })).to.deep.equal(["body.disclosable.0"]);
      expect(await refused({ ...asked, disclosable: [["person", "age"]] })).to.deep.equal(["body.disclosable.0"]);
      const { privateKey } = joseKey();
      const holderKey = privateKey.export({ format: "jwk" });
      expect(await refused({ ...asked, holderKey })).to.deep.equal(["body.holderKey"]);
      expect(await refused({ ...asked, holderKey: { kty: "RSA", crv: "x", x: "x" } })).not.to.deep.equal([]);
      const asJwt = { ...asked, format: "vc+jwt", decoys: 1, disclosable: ["person"] };
      expect(await refused(asJwt)).to.have.members(["body.decoys", "body.disclosable"]);
    });

    it("is not issued under a reference that names a vc+jwt", async () => {
      await issue(on, issuer, alice, { reference: `first-${algorithm}` });
      const again = { subjectDid: alice.did, type: "EducationCredential", claims: CLAIMS, ...SD_JWT };
      const body = { ...again, reference: `first-${algorithm}` };
      const { status, body: problem } = await on.ask("POST", "/credentials/issue", { token: issuer.apiKey, body });
      expect([status, problem.code]).to.deep.equal([409, "credential.reference_taken"]);
    });

    it("is listed, read and exported as any other, and encrypted at rest", async () => {
      const bob = await newHolder(on);
      const { credentialId, jwt } = await issue(on, issuer, bob, SD_JWT);
      const { body } = await on.ask("GET", "/credentials", { token: bob.token });
      expect(body["credentials"]).to.have.length(1);
      expect(body["credentials"][0]).to.deep.include({ credentialId, format: "dc+sd-jwt", jwt, claims: CLAIMS });
      const exported = await on.ask("GET", "/auth/account/export", { token: bob.token });
      expect(exported.text).to.include(jwt);
      const stored = await on.context.mongo.collection<{ _id: string }>("credentials").findOne({ _id: credentialId });
      expect(JSON.stringify(stored)).not.to.include("Alice Smith").and.not.to.include(String(jwt).slice(0, 40));
      await createCredentialStore(on.context).erase({ userId: bob.userId, dids: [bob.did] });
      const erased = await on.context.mongo.collection<{ _id: string }>("credentials").findOne({ _id: credentialId });
      expect(erased).to.include({ jwt: null, claims: null, subjectDid: "" });
    });

    it("is verified once at /verify, with all its claims where it was only named", async () => {
      const verifier = await newVerifier(on);
      const { credentialId } = await issue(on, issuer, alice, SD_JWT);
      const verified = await present(on, verifier, credentialId, alice);
      expect(verified.status, verified.text).to.equal(200);
      expect(verified.body["credential"].claims).to.deep.equal(CLAIMS);
      const again = await present(on, verifier, credentialId, alice);
      expect(again.body.code).to.equal("verification.already_used");
    });

    it("tells a verifier at /verify no claim that it was not shown", async () => {
      const verifier = await newVerifier(on);
      const { jwt } = await issue(on, issuer, alice, SD_JWT);
      const shown = await (await libraryOf()).present(jwt, { degree: true });
      const opened = await on.ask("POST", "/verify", { token: verifier.apiKey, body: { credential: shown } });
      expect(opened.status, opened.text).to.equal(201);
      const verified = await confirm(on, answerChallenge(opened.body, alice));
      expect(verified.status, verified.text).to.equal(200);
      expect(verified.body["credential"].claims).to.deep.equal({ degree: CLAIMS.degree });
      const { verificationId } = opened.body;
      const read = await on.ask("GET", `/verify/${verificationId}`, { token: verifier.apiKey });
      expect(read.body["credential"].claims).to.deep.equal({ degree: CLAIMS.degree });
    });

    it("fails at /verify when it is shown with a disclosure that its issuer did not make", async () => {
      const verifier = await newVerifier(on);
      const { jwt } = await issue(on, issuer, alice, SD_JWT);
      const forged = Buffer.from(JSON.stringify(["salt", "degree", "PhD"])).toString("base64url");
      const shown = `${(jwt as string).split("~")[0]}~${forged}~`;
      const opened = await on.ask("POST", "/verify", { token: verifier.apiKey, body: { credential: shown } });
      expect(opened.status, opened.text).to.equal(201);
      const refused = await confirm(on, answerChallenge(opened.body, alice));
      expect(refused.body.code).to.equal("verification.issuer_signature_invalid");
    });

    it("is suspended, reinstated and revoked by its issuer: an independent library refuses it by the list", async () => {
      const library = await libraryOf();
      const bystander = await issue(on, issuer, alice, SD_JWT);
      const { credentialId, credId, jwt } = await issue(on, issuer, alice, SD_JWT);
      const change = async (verb: string) => {
        const { status, text } = await on.ask("POST", `/credentials/${verb}`, {
          token: issuer.apiKey,
          body: { credentialId },
        });
        expect(status, text).to.equal(202);
      };
      const statusIs = (status: string | null) => async () =>
        library.verify(jwt).then(
          () => status === null,
          (error: unknown) => status !== null && (error as Error).message.includes(status),
        );
      await change("suspend");
      await eventually("the suspension to be listed", statusIs("Status is not valid: 2"));
      await change("reinstate");
      await eventually("the list to be clear again", statusIs(null));
      await change("revoke");
      await eventually("the revocation to be listed", statusIs("Status is not valid: 1"));
      await library.verify(bystander.jwt);
      const held = await on.ask("GET", `/credentials/${credentialId}`, { token: alice.token });
      expect(held.body["status"]).to.equal("REVOKED");
      const audited = await on.ask("GET", `/audit/credentials/${credId}`);
      expect(audited.status, audited.text).to.equal(200);
      expect(JSON.stringify(audited.body)).to.include('"revoked":true');
    });

    it("names a type whose metadata says which claims there are", async () => {
      const { jwt } = await issue(on, issuer, alice, SD_JWT);
      const answer = await on.ask("GET", new URL(payloadOf(jwt)["vct"] as string).pathname);
      expect(answer.status, answer.text).to.equal(200);
      expect(answer.body["vct"]).to.equal(payloadOf(jwt)["vct"]);
      expect(TypeMetadataFormatSchema.parse(answer.body)).to.deep.include({
        claims: [
          { path: ["name"], mandatory: true, sd: "allowed" },
          { path: ["degree"], mandatory: true, sd: "allowed" },
        ],
      });
      const unknown = await on.ask("GET", `/credential-types/${issuer.address}/NothingCredential`);
      expect([unknown.status, unknown.body.code]).to.deep.equal([404, "credential_type.unknown"]);
    });

    /** A verifier of another maker that knows this issuer's keys and fetches the lists that credentials name. */
    async function libraryOf(): Promise<SDJwtVcInstance> {
      const { keys } = (await on.ask("GET", `/issuers/${issuer.address}`)).body;
      const known = createLocalJWKSet({
        keys: keys.map(({ publicJwk, kid }: { publicJwk: object; kid: string }) => ({
          ...publicJwk,
          kid: `${issuer.did}#${kid}`,
        })),
      });
      const isSigned = (input: string, signature: string) =>
        compactVerify(`${input}.${signature}`, known).then(
          () => true,
          () => false,
        );
      return new SDJwtVcInstance({
        hasher: (data) =>
          createHash("sha256")
            .update(typeof data === "string" ? data : new Uint8Array(data))
            .digest(),
        hashAlg: "sha-256",
        saltGenerator: () => "unused",
        verifier: isSigned,
        statusVerifier: isSigned,
        statusValidator: (status) =>
          status === 0 ? Promise.resolve() : Promise.reject(new Error(`Status is not valid: ${status}`)),
        statusListFetcher: async (uri) => {
          const { status, headers, text } = await on.ask("GET", new URL(uri).pathname);
          expect(status, text).to.equal(200);
          expect(headers.get("content-type")).to.equal("application/statuslist+jwt");
          return text;
        },
      });
    }
  });
}

function payloadOf(sdJwt: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(sdJwt.split(".")[1]!, "base64url").toString("utf8"));
}

function disclosuresOf(sdJwt: string): unknown[][] {
  const disclosures = sdJwt.split("~").slice(1, -1);
  return disclosures.map((text) => JSON.parse(Buffer.from(text, "base64url").toString("utf8")));
}

function fieldsOf({ status, body, text }: Answer): string[] {
  expect(status, text).to.equal(400);
  return (body["errors"] as { field: string }[]).map(({ field }) => field);
}
