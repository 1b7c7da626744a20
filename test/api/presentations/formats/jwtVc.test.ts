import { expect } from "chai";
import { computeAddress } from "ethers";
import { proveJwtVc } from "../../../../api/presentations/formats/jwtVc";
import { PresentationRejection } from "../../../../api/presentations/rejection";
import {
  AUDIENCE,
  type JoseKey,
  joseKey,
  NONCE,
  plain,
  portsOf,
  signJws,
} from "../../../support/presentations/sdJwtWallet";

const NOW = new Date("2026-05-01T12:00:00Z");
const target = { nonce: NONCE, audience: AUDIENCE, now: NOW };
const ISSUER = "did:mychain:0x00000000000000000000000000000000000000cc";
const HOLDER = "did:mychain:0x00000000000000000000000000000000000000aa";

describe("a presented W3C credential as JWT", () => {
  const issuer = joseKey();
  const holder = joseKey("ES256K");
  const controller = computeAddress(
    `0x${Buffer.from(holder.privateKey.export({ format: "jwk" }).d ?? "", "base64url").toString("hex")}`,
  ).toLowerCase();
  const ports = portsOf(issuer, { [HOLDER]: controller });
  const prove = (presentation: string) => proveJwtVc(ports, presentation, target);

  it("of VCDM 2.0 is proven by the subject DID's controller with ES256K", async () => {
    const proven = await prove(present(ours()));
    expect(proven.types).to.include.members([
      "EmployeeCredential",
      "https://www.w3.org/2018/credentials#VerifiableCredential",
    ]);
    expect(plain(proven.claims)).to.deep.include({ credentialSubject: { id: HOLDER, role: "engineer" } });
    expect(proven.claims).not.to.have.any.keys("iss", "jti", "exp");
    expect(proven.validUntil?.toISOString()).to.equal("2027-01-01T00:00:00.000Z");
  });

  it("of VCDM 1.1 is proven, with its times and status", async () => {
    const status = { type: "BitstringStatusListEntry" };
    const vc = { type: ["VerifiableCredential"], credentialSubject: { role: "engineer" }, credentialStatus: status };
    const proven = await prove(present(credential({ typ: "JWT" }, { sub: HOLDER, nbf: 1_700_000_000, vc })));
    expect(proven.validFrom?.getTime()).to.equal(1_700_000_000_000);
    expect(proven.statuses.map(plain)).to.deep.equal([status]);
  });

  it("is proven by the key its issuer bound it to, or the key that a did:jwk is", async () => {
    const bound = joseKey();
    await prove(present(ours({ cnf: { jwk: bound.jwk } }), {}, bound));
    const did = `did:jwk:${Buffer.from(JSON.stringify(bound.jwk)).toString("base64url")}`;
    const vc = ours({ sub: did, credentialSubject: { id: did } });
    await prove(present(vc, { iss: did }, bound, { kid: `${did}#0` }));
  });

  const rejected: [string, () => string, string][] = [
    ["another holder's signature", () => present(ours(), {}, joseKey("ES256K")), "holder_binding_invalid"],
    ["another request's nonce", () => present(ours(), { nonce: "other" }), "nonce_mismatch"],
    ["another verifier as audience", () => present(ours(), { aud: "other" }), "audience_mismatch"],
    ["a list of audiences", () => present(ours(), { aud: [AUDIENCE] }), "audience_mismatch"],
    ["an old iat", () => present(ours(), { iat: 1_700_000_000 }), "holder_binding_invalid"],
    ["no iat", () => present(ours(), { iat: undefined }), "holder_binding_invalid"],
    ["alg none", () => present(ours(), {}, holder, { alg: "none" }), "algorithm_not_allowed"],
    ["alg HS256", () => present(ours(), {}, holder, { alg: "HS256" }), "algorithm_not_allowed"],
    [
      "the kid of another DID",
      () => present(ours(), {}, holder, { kid: `${ISSUER}#controller` }),
      "holder_binding_invalid",
    ],
    [
      "another fragment of the DID",
      () => present(ours(), {}, holder, { kid: `${HOLDER}#other` }),
      "holder_binding_missing",
    ],
    ["a DID that nobody controls", () => present(ours(), { iss: ISSUER }), "holder_binding_missing"],
    ["no credential", () => present(ours(), { vp: { verifiableCredential: [] } }), "credential_malformed"],
    [
      "two credentials",
      () => present(ours(), { vp: { verifiableCredential: [ours(), ours()] } }),
      "credential_malformed",
    ],
    [
      "somebody else's credential",
      () => present(ours({ sub: ISSUER, credentialSubject: { id: ISSUER } })),
      "holder_binding_invalid",
    ],
    ["a credential with two subjects", () => present(ours({ sub: ISSUER })), "holder_binding_invalid"],
    [
      "a credential of no subject",
      () => present(ours({ sub: undefined, credentialSubject: {} })),
      "holder_binding_invalid",
    ],
    [
      "a credential of another issuer's key",
      () => present(credential({ typ: "vc+jwt" }, ownClaims(), joseKey())),
      "issuer_signature_invalid",
    ],
    [
      "a credential with alg none",
      () => present(credential({ typ: "vc+jwt", alg: "none" }, ownClaims())),
      "algorithm_not_allowed",
    ],
    ["a JWT that is no credential", () => present(credential({ typ: "JWT" }, ownClaims())), "credential_malformed"],
    ["no JWT", () => "nothing", "credential_malformed"],
  ];
  for (const [what, presentation, reason] of rejected) {
    it(`is rejected with ${what}`, async () => {
      const outcome = await prove(presentation()).catch((error: unknown) => error);
      expect(outcome).to.be.instanceOf(PresentationRejection);
      expect(outcome).to.include({ effect: "unproven", reason });
    });
  }

  function ownClaims(changes: object = {}): object {
    return {
      "@context": ["https://www.w3.org/ns/credentials/v2"],
      type: ["VerifiableCredential", "EmployeeCredential"],
      issuer: ISSUER,
      validUntil: "2027-01-01T00:00:00Z",
      credentialSubject: { id: HOLDER, role: "engineer" },
      sub: HOLDER,
      exp: Date.parse("2027-06-01T00:00:00Z") / 1000,
      jti: "urn:uuid:0",
      ...changes,
    };
  }

  function ours(changes: object = {}): string {
    return credential({ typ: "vc+jwt" }, ownClaims(changes));
  }

  function credential(header: object, payload: object, key: JoseKey = issuer): string {
    return signJws(key, { alg: key.alg, ...header }, { iss: ISSUER, ...payload });
  }

  function present(vc: string, changes: object = {}, key: JoseKey = holder, header: object = {}): string {
    const payload = {
      iss: HOLDER,
      aud: AUDIENCE,
      nonce: NONCE,
      iat: NOW.getTime() / 1000,
      vp: { verifiableCredential: [vc] },
    };
    return signJws(key, { alg: key.alg, typ: "JWT", ...header }, { ...payload, ...changes });
  }
});
