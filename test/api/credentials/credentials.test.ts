import { expect } from "chai";
import { createLocalJWKSet, jwtVerify } from "jose";
import { randomUUID } from "node:crypto";
import { crc32, inflateSync } from "node:zlib";
import QRCode from "qrcode";
import {
  issue,
  newHolder,
  newIssuer,
  newVerifier,
  present,
  type TestHolder,
  type TestIssuer,
} from "../../support/credentialActors";
import { type FakeClock, fakeClock } from "../../support/fakeClock";
import { type Fixture, fixture } from "../../support/fixture";

const PUBLIC_URL = "https://cairn.example";

/** Reads a PNG of one bit a pixel back: the middle of each module, 1 for a dark one. */
function modulesOfPng(png: Buffer, size: number): number[] {
  const chunks = new Map<string, Buffer>();
  for (let at = 8; at < png.length;) {
    const length = png.readUInt32BE(at);
    const typed = png.subarray(at + 4, at + 8 + length);
    expect(png.readUInt32BE(at + 8 + length)).to.equal(crc32(typed));
    chunks.set(typed.toString("latin1", 0, 4), typed.subarray(4));
    at += length + 12;
  }
  expect([...chunks.keys()]).to.deep.equal(["IHDR", "IDAT", "IEND"]);
  const header = chunks.get("IHDR")!;
  expect([...header.subarray(8)]).to.deep.equal([1, 0, 0, 0, 0]);
  const width = header.readUInt32BE(0);
  expect(header.readUInt32BE(4)).to.equal(width);
  const pixels = inflateSync(chunks.get("IDAT")!);
  const [rowBytes, scale] = [1 + Math.ceil(width / 8), width / (size + 8)];
  expect(pixels.length).to.equal(rowBytes * width);
  return Array.from({ length: size * size }, (_, at) => {
    const x = Math.floor(((at % size) + 4.5) * scale);
    const y = Math.floor((Math.floor(at / size) + 4.5) * scale);
    return ((pixels[y * rowBytes + 1 + (x >> 3)]! >> (7 - (x & 7))) & 1) ^ 1;
  });
}

describe("credentials", () => {
  let on: Fixture;
  let clock: FakeClock;
  let issuer: TestIssuer;
  let alice: TestHolder;
  let bob: TestHolder;

  before(async () => {
    clock = fakeClock();
    on = await fixture("credentials", {
      modules: ["issuers", "credentials", "verification"],
      chain: true,
      workers: true,
      clock,
      publicUrl: PUBLIC_URL,
    });
    issuer = await newIssuer(on);
    alice = await newHolder(on);
    bob = await newHolder(on);
  });

  after(() => on.close());

  const list = async (holder: TestHolder, query = "") =>
    (await on.ask("GET", `/credentials${query}`, { token: holder.token })).body;

  it("are JWTs of the VC Data Model 2.0 that an independent library verifies by the issuer's document", async () => {
    const credential = await issue(on, issuer, alice);
    const keys = (await on.ask("GET", `/issuers/${issuer.address}`)).body.keys.map(
      ({ publicJwk, kid }: { publicJwk: object; kid: string }) => ({ ...publicJwk, kid: `${issuer.did}#${kid}` }),
    );
    const { payload, protectedHeader } = await jwtVerify(credential.jwt, createLocalJWKSet({ keys }), {
      issuer: issuer.did,
      subject: alice.did,
      typ: "vc+jwt",
      currentDate: clock.now(),
    });
    expect(protectedHeader.alg).to.equal("EdDSA");
    expect(payload).to.deep.include({
      "@context": [
        "https://www.w3.org/ns/credentials/v2",
        `${PUBLIC_URL}/contexts/v1`,
        "https://www.w3.org/ns/credentials/undefined-terms/v2",
      ],
      id: `urn:uuid:${credential.credentialId}`,
      type: ["VerifiableCredential", "EducationCredential"],
      issuer: issuer.did,
      credentialSubject: { id: alice.did, name: "Alice Smith", degree: "BS Computer Science" },
    });
    const statuses = payload["credentialStatus"] as Record<string, unknown>[];
    expect(statuses.map(({ type }) => type)).to.deep.equal([
      "BitstringStatusListEntry",
      "BitstringStatusListEntry",
      "CairnRegistryStatus",
    ]);
    expect(statuses[0]).to.include({
      statusPurpose: "revocation",
      statusListCredential: `${PUBLIC_URL}/status-lists/${issuer.address}/revocation/0`,
    });
    expect(statuses[2]).to.include({
      credId: credential.credId,
      registry: on.context.chain.deployment.contracts.DIDRegistry.address.toLowerCase(),
    });
    const schema = await on.ask("GET", new URL((payload["credentialSchema"] as { id: string }).id).pathname);
    expect(schema.body.properties.credentialSubject.required).to.deep.equal(["name", "degree"]);
  });

  it("are validated by the issuer's schema, every faulty field named", async () => {
    const body = { subjectDid: alice.did, type: "EducationCredential", claims: { degree: 7, extra: true } };
    const refused = await on.ask("POST", "/credentials/issue", { token: issuer.apiKey, body });
    expect(refused.body.code).to.equal("credential.claims_invalid");
    expect(refused.body.errors.map(({ field }: { field: string }) => field)).to.include.members([
      "body.claims.name",
      "body.claims.degree",
    ]);
    const unknown = { ...body, type: "MedalOfHonour" };
    expect((await on.ask("POST", "/credentials/issue", { token: issuer.apiKey, body: unknown })).body.code).to.equal(
      "credential_type.unknown",
    );
  });

  it("are refused with claims that would be stored as others, or that nobody could check, and by which", async () => {
    const issueText = async (claims: string) => {
      const body = `{"subjectDid":"${alice.did}","type":"EducationCredential","claims":${claims}}`;
      const { status, body: answer } = await on.ask("POST", "/credentials/issue", { token: issuer.apiKey, body });
      expect([status, answer.code], claims).to.deep.equal([400, "request.invalid"]);
      return answer.errors.map(({ field }) => field);
    };
    expect(await issueText('{"name":"A\\u0000","degree":{"_bsontype":"Code"}}')).to.deep.equal([
      "body.claims.name",
      "body.claims.degree._bsontype",
    ]);
    expect(await issueText('{"__proto__":{"x":1},"year":1e400,"id_number":12345678901234567890}')).to.deep.equal([
      "body.claims.__proto__",
      "body.claims.year",
      "body.claims.id_number",
    ]);
    expect(await issueText(`{"x":${"[".repeat(20)}${"]".repeat(20)}}`)).to.deep.equal(["body.claims"]);
    expect(await issueText(JSON.stringify({ list: Array(1_001).fill(0) }))).to.deep.equal(["body.claims"]);
  });

  it("of a type with a pattern that stops other engines are refused in no time", async () => {
    const schema = { type: "object", properties: { code: { type: "string", pattern: "^(a+)+$" } } };
    const put = (given: object) =>
      on.ask("PUT", "/credential-types/PatternCredential", { token: issuer.apiKey, body: { schema: given } });
    expect((await put(schema)).status).to.equal(200);
    const body = { subjectDid: alice.did, type: "PatternCredential", claims: { code: `${"a".repeat(10_000)}!` } };
    const refused = await on.ask("POST", "/credentials/issue", { token: issuer.apiKey, body });
    expect(refused.body.errors.map(({ field }) => field)).to.deep.equal(["body.claims.code"]);
    const itself = await put({ ...schema, properties: { code: { $ref: "#" } } });
    expect(itself.body.code).to.equal("credential_type.schema_invalid");
    expect(itself.body.errors[0]?.message).to.include("properties.code refers to what is not there");
  });

  it("are refused for a subject of another method, an expiry in the past, and claims that name another subject", async () => {
    const base = { subjectDid: alice.did, type: "EducationCredential", claims: { name: "A", degree: "B" } };
    const codeFor = async (over: object) =>
      (await on.ask("POST", "/credentials/issue", { token: issuer.apiKey, body: { ...base, ...over } })).body.code;
    expect(await codeFor({ subjectDid: "did:web:example.com" })).to.equal("did.method_not_supported");
    expect(await codeFor({ expiresAt: clock.now().toISOString() })).to.equal("credential.expiry_past");
    expect(await codeFor({ claims: { id: bob.did, name: "A", degree: "B" } })).to.equal("request.invalid");
  });

  it("are issued once under a reference, and a reference names one credential", async () => {
    const reference = randomUUID();
    const body = { subjectDid: alice.did, type: "EducationCredential", claims: { name: "A", degree: "B" }, reference };
    const issueAgain = (over = {}) =>
      on.ask("POST", "/credentials/issue", { token: issuer.apiKey, body: { ...body, ...over } });
    const answers = await Promise.all(Array.from({ length: 16 }, () => issueAgain()));
    expect(new Set(answers.map((answer) => answer.body.credentialId)).size).to.equal(1);
    expect(answers.filter(({ status }) => status === 201)).to.have.length(1);
    expect((await issueAgain({ subjectDid: bob.did })).body.code).to.equal("credential.reference_taken");
  });

  it("are listed for their holder alone, the newest first, in pages", async () => {
    const carol = await newHolder(on);
    const issued: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      clock.advance(1);
      issued.unshift((await issue(on, issuer, carol)).credentialId);
    }
    const first = await list(carol, "?limit=3");
    const second = await list(carol, `?limit=3&cursor=${first.next}`);
    expect([...first.credentials, ...second.credentials].map(({ credentialId }) => credentialId)).to.deep.equal(issued);
    expect(second.next).to.equal(null);
    expect((await on.ask("GET", `/credentials/${issued[0]}`, { token: bob.token })).body.code).to.equal(
      "credential.unknown",
    );
    expect((await on.ask("GET", `/credentials/${issued[0]}`, { token: carol.token })).body.status).to.equal("ACTIVE");
  });

  it("leave the list of usable ones when they are used or expire, and are found among all", async () => {
    const dave = await newHolder(on);
    const expiresAt = new Date(clock.now().getTime() + 60_000).toISOString();
    const short = await issue(on, issuer, dave, { expiresAt });
    const used = await issue(on, issuer, dave);
    await present(on, await newVerifier(on), used.credentialId, dave);
    expect(
      (await list(dave)).credentials.map(({ credentialId }: { credentialId: string }) => credentialId),
    ).to.deep.equal([short.credentialId]);
    clock.advance(60);
    expect((await list(dave)).credentials).to.deep.equal([]);
    const all = (await list(dave, "?status=all")).credentials;
    expect(all.map(({ status }: { status: string }) => status)).to.have.members(["EXPIRED", "USED"]);
    expect((await list(dave, "?status=all&type=OtherCredential")).credentials).to.deep.equal([]);
  });

  it("are shared as a QR code, SVG and PNG, that names the credential and proves nothing", async () => {
    const { credentialId } = await issue(on, issuer, alice);
    const share = (format: string, token = alice.token) =>
      on.ask("GET", `/credentials/${credentialId}/share?format=${format}`, { token });
    const { body } = await share("json");
    expect(body.payload).to.deep.equal({
      credentialId,
      subjectDid: alice.did,
      issuer: issuer.did,
      type: "EducationCredential",
      timestamp: clock.now().toISOString(),
      verify: `${PUBLIC_URL}/verify`,
    });
    expect(body.svg).to.match(/^<svg /);
    const { data, size } = QRCode.create(JSON.stringify(body.payload), { errorCorrectionLevel: "Q" }).modules;
    const drawn = [...(body.svg as string).matchAll(/M(\d+) (\d+)h1v1h-1z/g)].map(
      ([, x, y]) => (Number(y) - 4) * size + Number(x) - 4,
    );
    expect(drawn).to.deep.equal([...data.keys()].filter((at) => data[at] === 1));
    expect(modulesOfPng(Buffer.from((body.png as string).split(",")[1] ?? "", "base64"), size)).to.deep.equal([
      ...data,
    ]);
    const svg = await share("svg");
    expect(svg.headers.get("content-type")).to.equal("image/svg+xml");
    const png = await share("png");
    expect(png.headers.get("content-type")).to.equal("image/png");
    expect(png.text.slice(1, 4)).to.equal("PNG");
    expect((await share("json", bob.token)).body.code).to.equal("credential.unknown");
    // A verifier posts what it scanned.
    const verifier = await newVerifier(on);
    const opened = await on.ask("POST", "/verify", { token: verifier.apiKey, body: { credential: body.payload } });
    expect(opened.status, opened.text).to.equal(201);
  });

  it("may be given a uses' count of their own, within bounds", async () => {
    expect((await issue(on, issuer, alice, { maxUsages: 1_000 })).maxUsages).to.equal(1_000);
    const body = {
      subjectDid: alice.did,
      type: "EducationCredential",
      claims: { name: "A", degree: "B" },
      maxUsages: 1_001,
    };
    expect((await on.ask("POST", "/credentials/issue", { token: issuer.apiKey, body })).body.code).to.equal(
      "request.invalid",
    );
  });
});
