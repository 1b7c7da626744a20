import { createHash, type KeyObject } from "node:crypto";
import { expect } from "chai";
import { computeAddress } from "ethers";
import { proveSdJwtVc } from "../../../../api/presentations/formats/sdJwtVc";
import { PresentationRejection } from "../../../../api/presentations/rejection";
import {
  AUDIENCE,
  disclosure,
  type Issued,
  issue,
  joseKey,
  NONCE,
  PERSON,
  plain,
  portsOf,
  present,
  type PresentOptions,
  signJws,
  VCT,
} from "../../../support/presentations/sdJwtWallet";

const NOW = new Date("2026-05-01T12:00:00Z");
const target = { nonce: NONCE, audience: AUDIENCE, now: NOW };
const seconds = (offset: number) => NOW.getTime() / 1000 + offset;

describe("a presented SD-JWT VC", () => {
  let issued: Issued;
  before(async () => void (issued = await issue()));

  const prove = (presentation: string, by: Issued = issued) => proveSdJwtVc(portsOf(by.issuer), presentation, target);

  for (const alg of ["ES256", "EdDSA", "ES256K"] as const) {
    it(`is proven when a foreign library issued it, holder and issuer with ${alg}`, async () => {
      const by = await issue({ issuer: joseKey(alg), holder: joseKey(alg) });
      const proven = await prove(present(by, NOW), by);
      expect(plain(proven.claims)).to.deep.include({ ...PERSON, vct: VCT, iss: "https://issuer.example" });
      expect(proven.claims).not.to.have.any.keys("_sd", "_sd_alg");
    });
  }

  it("shows what was disclosed and nothing else", async () => {
    const proven = await prove(present(issued, NOW, { disclose: ["age"] }));
    expect(proven.claims).to.have.property("age", 36);
    expect(proven.claims).not.to.have.any.keys("given_name", "family_name", "address");
  });

  it("is proven with a cnf of the members that make the key, and with a DID's controller as holder", async () => {
    const holder = joseKey("ES256K");
    const did = "did:mychain:0x00000000000000000000000000000000000000aa";
    const by = await issue({ holder, claims: { cnf: { kid: `${did}#controller` } } });
    const address = computeAddress(`0x${privateOf(holder)}`).toLowerCase();
    const ports = portsOf(by.issuer, { [did]: address });
    const proven = await proveSdJwtVc(ports, present(by, NOW), target);
    expect(proven.claims["given_name"]).to.equal("Ada");
    const other = present(by, NOW, { signer: joseKey("ES256K") });
    await expectRejected(proveSdJwtVc(ports, other, target), "holder_binding_invalid");
  });

  it("is proven by an ES256K signature with a high s, which RFC 8812 allows", async () => {
    const holder = joseKey("ES256K");
    const did = "did:mychain:0x00000000000000000000000000000000000000aa";
    const by = await issue({ holder, claims: { cnf: { kid: did } } });
    const presentation = present(by, NOW);
    const at = presentation.lastIndexOf(".") + 1;
    const twin = `${presentation.slice(0, at)}${twinOf(presentation.slice(at))}`;
    const ports = portsOf(by.issuer, { [did]: computeAddress(`0x${privateOf(holder)}`).toLowerCase() });
    await proveSdJwtVc(ports, presentation, target);
    await proveSdJwtVc(ports, twin, target);
  });

  const bindings: [string, PresentOptions, string][] = [
    ["another holder's key", { signer: joseKey() }, "holder_binding_invalid"],
    ["another request's nonce", { kb: { nonce: "other" } }, "nonce_mismatch"],
    ["no nonce", { kb: { nonce: undefined } }, "nonce_mismatch"],
    ["another verifier as audience", { kb: { aud: "x509_san_dns:other.example" } }, "audience_mismatch"],
    ["the audience without its prefix", { kb: { aud: "verifier.example" } }, "audience_mismatch"],
    ["a list of audiences", { kb: { aud: [AUDIENCE] } }, "audience_mismatch"],
    ["an iat a year ago", { kb: { iat: seconds(-31_536_000) } }, "holder_binding_invalid"],
    ["an iat in a year", { kb: { iat: seconds(31_536_000) } }, "holder_binding_invalid"],
    ["an iat just too old", { kb: { iat: seconds(-361) } }, "holder_binding_invalid"],
    ["an iat just too new", { kb: { iat: seconds(61) } }, "holder_binding_invalid"],
    ["no iat", { kb: { iat: undefined } }, "holder_binding_invalid"],
    ["an exp that passed", { kb: { exp: seconds(-61) } }, "holder_binding_invalid"],
    ["another sd_hash", { kb: { sd_hash: "AAAA" } }, "holder_binding_invalid"],
    ["the typ of a plain JWT", { kbHeader: { typ: "JWT" } }, "holder_binding_invalid"],
    ["no typ", { kbHeader: { typ: undefined } }, "holder_binding_invalid"],
    ["alg none", { kbHeader: { alg: "none" } }, "holder_binding_invalid"],
    ["alg HS256", { kbHeader: { alg: "HS256" } }, "holder_binding_invalid"],
    ["an alg of another curve", { kbHeader: { alg: "ES256K" } }, "holder_binding_invalid"],
    ["a crit header", { kbHeader: { crit: ["exp"] } }, "holder_binding_invalid"],
  ];
  for (const [what, options, reason] of bindings) {
    it(`is rejected when its Key Binding JWT has ${what}`, async () => {
      await expectRejected(prove(present(issued, NOW, options)), reason);
    });
  }

  it("is proven up to the edges of the Key Binding JWT's time", async () => {
    await prove(present(issued, NOW, { kb: { iat: seconds(-360) } }));
    await prove(present(issued, NOW, { kb: { iat: seconds(60) } }));
  });

  it("is rejected without a Key Binding JWT", async () => {
    const presentation = present(issued, NOW);
    await expectRejected(prove(presentation.slice(0, presentation.lastIndexOf("~") + 1)), "holder_binding_missing");
  });

  it("is rejected when a disclosure is dropped, added, repeated or changed after the holder signed", async () => {
    const [jwt, first, second, ...rest] = present(issued, NOW).split("~");
    for (const parts of [
      [jwt, second, ...rest],
      [jwt, first, second, disclosure("x", 1), ...rest],
      [jwt, first, first, second, ...rest],
    ]) {
      const outcome = await prove(parts.join("~")).catch((error: unknown) => error);
      expect(outcome).to.be.instanceOf(PresentationRejection);
      expect((outcome as PresentationRejection).effect).to.equal("unproven");
    }
  });

  const disclosures: [string, (all: string[]) => string[]][] = [
    ["twice", (all) => [...all, all[0] ?? ""]],
    ["that belongs to no digest", (all) => [...all, disclosure("given_name", "Eve")]],
    ["that is no JSON", (all) => [...all, "bm8"]],
    ["that is not canonical base64url", (all) => [...all, "bm9="]],
    ["of one part", (all) => [...all, disclosure()]],
    ["of four parts", (all) => [...all, disclosure("a", 1, 2)]],
  ];
  for (const [what, edit] of disclosures) {
    it(`is rejected with a disclosure ${what}, though its holder signed it`, async () => {
      await expectRejected(prove(present(issued, NOW, { edit })), "disclosure_invalid");
    });
  }

  for (const name of ["iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "status", "_sd", "..."]) {
    it(`is rejected with ${name} disclosed selectively`, async () => {
      await expectRejected(prove(handmade([disclosure(name, "x")])), "disclosure_invalid");
    });
  }

  it("is rejected with a disclosure of a claim that is there already", async () => {
    await expectRejected(prove(handmade([disclosure("age", 18)], { age: 36 })), "disclosure_invalid");
  });

  it("is rejected with two disclosures of one claim", async () => {
    const twice = [disclosure("age", 18), disclosure("age", 36)];
    await expectRejected(prove(handmade(twice)), "disclosure_invalid");
  });

  it("is rejected with a digest in two places", async () => {
    const one = disclosure("age", 18);
    const payload = { inner: { _sd: [digest(one)] } };
    await expectRejected(prove(handmade([one], payload)), "disclosure_invalid");
  });

  it("is rejected with an element's disclosure for a member, and the other way round", async () => {
    await expectRejected(prove(handmade([disclosure("DE")])), "disclosure_invalid");
    const member = disclosure("country", "DE");
    const presentation = handmade([], { countries: [{ "...": digest(member) }] }, [member]);
    await expectRejected(prove(presentation), "disclosure_invalid");
  });

  it("has disclosed elements in their places, nested ones too, and undisclosed ones left out", async () => {
    const [element, inner, hidden] = [disclosure("DE"), disclosure("city", "Bern"), disclosure("FR")];
    const outer = disclosure({ _sd: [digest(inner)], code: 3 });
    const countries = ["CH", { "...": digest(element) }, { "...": digest(hidden) }, { "...": digest(outer) }];
    const { claims } = await prove(handmade([], { countries }, [element, outer, inner]));
    expect(plain(claims)).to.have.deep.property("countries", ["CH", "DE", { code: 3, city: "Bern" }]);
  });

  it("keeps a claim named __proto__ a claim", async () => {
    const { claims } = await prove(handmade([disclosure("__proto__", { admin: true })]));
    expect(Object.keys(claims)).to.include("__proto__");
    expect((claims as { admin?: unknown }).admin).to.equal(undefined);
  });

  it("is rejected with another digest algorithm", async () => {
    await expectRejected(prove(handmade([], { _sd_alg: "sha-512" })), "disclosure_invalid");
  });

  const headers: [string, object, string][] = [
    ["typ vc+sd-jwt", { typ: "vc+sd-jwt" }, "credential_malformed"],
    ["no typ", { typ: undefined }, "credential_malformed"],
    ["alg none", { alg: "none" }, "algorithm_not_allowed"],
    ["alg HS256", { alg: "HS256" }, "algorithm_not_allowed"],
    ["alg of another key type", { alg: "EdDSA" }, "issuer_signature_invalid"],
    ["crit", { crit: ["exp"] }, "credential_malformed"],
    ["b64", { b64: false }, "credential_malformed"],
  ];
  for (const [what, header, reason] of headers) {
    it(`is rejected when its issuer's JWT has ${what}`, async () => {
      await expectRejected(prove(handmade([], {}, [], header)), reason);
    });
  }

  it("is rejected when another issuer signed it", async () => {
    const presentation = present(await issue(), NOW);
    await expectRejected(prove(presentation), "issuer_signature_invalid");
  });

  it("is rejected when it is bound to no key, a private key, or one that is not supported", async () => {
    const cnfs = [undefined, {}, { jwk: { kty: "oct", k: "AAAA" } }, { jwk: { ...issued.holder.jwk, d: "AAAA" } }];
    for (const cnf of [...cnfs, { kid: "did:mychain:0x00000000000000000000000000000000000000bb" }]) {
      await expectRejected(prove(handmade([], { cnf })), "holder_binding_missing");
    }
  });

  it("is rejected when it is larger than a credential is", async () => {
    await expectRejected(prove(`${present(issued, NOW)}${"A".repeat(100_000)}`), "credential_malformed");
  });

  it("is rejected when it nests deeper than credentials do", async () => {
    const deep = JSON.parse(`${"[".repeat(40)}${"]".repeat(40)}`) as unknown;
    await expectRejected(prove(handmade([], { deep })), "credential_malformed");
  });

  /** An SD-JWT whose issuer may make mistakes: digests of the disclosures at the top, others given besides. */
  function handmade(topLevel: string[], claims: object = {}, others: string[] = [], header: object = {}): string {
    const payload = {
      iss: "https://issuer.example",
      vct: VCT,
      cnf: { jwk: issued.holder.jwk },
      _sd: topLevel.map(digest),
      _sd_alg: "sha-256",
      ...claims,
    };
    const jwt = signJws(issued.issuer, { alg: "ES256", typ: "dc+sd-jwt", ...header }, payload);
    return present({ ...issued, credential: `${jwt}~` }, NOW, { edit: () => [...topLevel, ...others] });
  }
});

async function expectRejected(proving: Promise<unknown>, reason: string): Promise<void> {
  const outcome = await proving.catch((error: unknown) => error);
  expect(outcome).to.be.instanceOf(PresentationRejection);
  const { effect, reason: told } = outcome as PresentationRejection;
  expect({ effect, reason: told }).to.deep.equal({ effect: "unproven", reason });
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}

function privateOf({ privateKey }: { privateKey: KeyObject }): string {
  return Buffer.from(privateKey.export({ format: "jwk" }).d ?? "", "base64url").toString("hex");
}

/** The other signature that the same key gives for the same message: n - s. */
function twinOf(signature: string): string {
  const bytes = Buffer.from(signature, "base64url");
  const order = BigInt("0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
  const twin = order - BigInt(`0x${bytes.toString("hex", 32)}`);
  return Buffer.concat([bytes.subarray(0, 32), Buffer.from(twin.toString(16).padStart(64, "0"), "hex")]).toString(
    "base64url",
  );
}
