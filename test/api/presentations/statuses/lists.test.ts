import { deflateSync, gzipSync } from "node:zlib";
import { StatusList } from "@sd-jwt/jwt-status-list";
import { expect } from "chai";
import { createPresentationStore } from "../../../../api/presentations/store";
import { MAX_LIST_BYTES } from "../../../../api/presentations/statuses/tokenStatusList";
import { encoded, type Party, party } from "../../../support/presentations/certificates";
import { didJwkOf, jwtVcQuery, presentJwtVc } from "../../../support/presentations/jwtVcWallet";
import { type ListServer, type ServedList, startListServer } from "../../../support/presentations/listServer";
import { type Asked, type RelyingParty, relyingParty } from "../../../support/presentations/relyingParty";
import { joseKeyOf } from "../../../support/presentations/trustedIssuer";
import { joseKey, signJws } from "../../../support/presentations/sdJwtWallet";
import { submit } from "../../../support/presentations/wallet";

const INDEX = 9;
const seconds = () => Math.floor(relying.on.context.clock.now().getTime() / 1000);
let relying: RelyingParty;

describe("a credential's status", () => {
  let lists: ListServer;
  let stranger: Party;
  before(async () => {
    lists = await startListServer();
    stranger = await party("Stranger", { authority: false, host: "stranger.example" });
    relying = await relyingParty("lists");
  });
  after(async () => {
    await relying.close();
    await lists.close();
  });

  const stored = ({ requestId }: Asked) => createPresentationStore(relying.on.context).find(requestId);

  async function expectVerdict(asked: Asked, reason: string | null): Promise<void> {
    const { status, body, text } = await relying.result(asked.transactionId);
    expect(status, text).to.equal(200);
    expect(body).to.include({ result: reason === null ? "valid" : "invalid", reason });
    expect(body["verificationDetails"].credentials).to.have.length(reason === null ? 1 : 0);
    if (reason !== null) expect(text).not.to.contain("Ada");
  }

  describe("in a Token Status List", () => {
    async function answer(uri: unknown) {
      const credential = await relying.issueAs(relying.issuer, {
        claims: { status: { status_list: { idx: INDEX, uri } } },
      });
      const asked = await relying.ask();
      return { asked, submitted: await submit(asked.request, relying.token(asked.request, {}, credential)) };
    }

    async function expectOutcome(uri: unknown, reason: string | null): Promise<void> {
      const { asked, submitted } = await answer(uri);
      expect(submitted.status, submitted.text).to.equal(200);
      await expectVerdict(asked, reason);
    }

    const tokenList =
      (status: number, changes: { payload?: object; header?: object; by?: Party } = {}) =>
      (url: string): ServedList => {
        const { by = relying.issuer } = changes;
        const statuses = Array.from({ length: 64 }, (_, place) => (place === INDEX ? status : 0));
        const list = { bits: 2, lst: new StatusList(statuses, 2).compressStatusList() };
        const header = { alg: "ES256", typ: "statuslist+jwt", x5c: [encoded(by)], ...changes.header };
        const payload = { sub: url, iat: seconds() - 5, exp: seconds() + 600, status_list: list, ...changes.payload };
        return { body: signJws(joseKeyOf(by), header, payload) };
      };

    it("lets a valid credential pass, and is fetched once while it may be used", async () => {
      const uri = lists.serve(tokenList(0));
      await expectOutcome(uri, null);
      await expectOutcome(uri, null);
      expect(lists.fetches(uri)).to.equal(1);
    });

    const cases: [string, (url: string) => ServedList, string][] = [
      ["revoked", tokenList(1), "credential_revoked"],
      ["suspended", tokenList(2), "credential_suspended"],
      ["of the list's own status", tokenList(3), "credential_revoked"],
    ];
    for (const [what, list, reason] of cases) {
      it(`closes the request when the credential is ${what}`, async () => {
        await expectOutcome(lists.serve(list), reason);
      });
    }

    const bad: [string, () => (url: string) => ServedList][] = [
      ["is about another list (sub)", () => tokenList(0, { payload: { sub: "https://issuer.example/other" } })],
      ["expired", () => tokenList(0, { payload: { exp: seconds() - 1 } })],
      ["is of another typ", () => tokenList(0, { header: { typ: "JWT" } })],
      ["is signed by an issuer that nobody trusts", () => tokenList(0, { by: stranger })],
      ["names no signer", () => tokenList(0, { header: { x5c: undefined } })],
      ["has a certificate that is none", () => tokenList(0, { header: { x5c: ["AAAA"] } })],
      [
        "is signed by another key than its certificate's",
        () => tokenList(0, { by: { ...stranger, certificate: relying.issuer.certificate } }),
      ],
      ["inflates to more than a list is", () => tokenList(0, { payload: { status_list: { bits: 1, lst: bomb() } } })],
      [
        "ends before the credential's index",
        () => tokenList(0, { payload: { status_list: { bits: 8, lst: new StatusList([0], 8).compressStatusList() } } }),
      ],
      ["is no JWS", () => () => ({ body: "hello" })],
    ];
    for (const [what, list] of bad) {
      it(`closes the request, as no pass, when it ${what}`, async () => {
        await expectOutcome(lists.serve(list()), "status_invalid");
      });
    }

    for (const uri of ["nonsense", "ftp://issuer.example/list", "file:///etc/passwd", ""]) {
      it(`closes the request when its address is ${JSON.stringify(uri)}`, async () => {
        await expectOutcome(uri, "status_invalid");
      });
    }

    const outages: [string, () => string][] = [
      ["does not exist", () => `${lists.serve(tokenList(0))}/none`],
      ["answers 500", () => lists.serve(() => ({ status: 500, body: "" }))],
      ["redirects", () => lists.serve(() => ({ status: 302, body: "" }))],
      ["is where nobody listens", () => "http://127.0.0.1:1/list"],
      ["is larger than a list is", () => lists.serve(() => ({ body: Buffer.alloc(MAX_LIST_BYTES + 1, 65) }))],
    ];
    for (const [what, list] of outages) {
      it(`has the wallet try again when it ${what}: 503, and nothing is written`, async () => {
        const { asked, submitted } = await answer(list());
        expect(submitted.status, submitted.text).to.equal(503);
        expect(await stored(asked)).to.include({ status: "ACTIVE", attempts: 0, verdict: null, credentials: null });
      });
    }
  });

  describe("in a W3C Bitstring Status List", () => {
    const holder = joseKey();
    const did = didJwkOf(holder);

    async function expectOutcome(entry: object, reason: string | null): Promise<void> {
      const asked = await relying.ask({ dcqlQuery: jwtVcQuery("EmployeeCredential") });
      const vc = {
        "@context": ["https://www.w3.org/2018/credentials/v1"],
        type: ["VerifiableCredential", "EmployeeCredential"],
        credentialSubject: { id: did, name: "Ada" },
        credentialStatus: {
          type: "BitstringStatusListEntry",
          statusPurpose: "revocation",
          statusListIndex: String(INDEX),
          ...entry,
        },
      };
      const header = { alg: "ES256", typ: "JWT", x5c: [encoded(relying.issuer)] };
      const payload = { iss: "https://issuer.example", sub: did, nbf: seconds() - 60, vc };
      const credential = signJws(joseKeyOf(relying.issuer), header, payload);
      const now = relying.on.context.clock.now();
      const presented = presentJwtVc(credential, asked.request, { did, key: holder, kid: `${did}#0`, now });
      const submitted = await submit(asked.request, presented);
      expect(submitted.status, submitted.text).to.equal(200);
      await expectVerdict(asked, reason);
    }

    const w3cList =
      (set: boolean, changes: { subject?: object; payload?: object; by?: Party } = {}) =>
      (url: string): ServedList => {
        const { by = relying.issuer } = changes;
        const bits = Buffer.alloc(16_384);
        // The first index is the most significant bit of its byte.
        if (set) bits[Math.floor(INDEX / 8)] = 0x80 >> (INDEX % 8);
        const encodedList = `u${gzipSync(bits).toString("base64url")}`;
        const payload = {
          "@context": ["https://www.w3.org/ns/credentials/v2"],
          id: url,
          type: ["VerifiableCredential", "BitstringStatusListCredential"],
          issuer: "https://issuer.example",
          validUntil: new Date((seconds() + 600) * 1000).toISOString(),
          credentialSubject: {
            type: "BitstringStatusList",
            statusPurpose: "revocation",
            encodedList,
            ...changes.subject,
          },
          ...changes.payload,
        };
        const header = { alg: "ES256", typ: "vc+jwt", x5c: [encoded(by)] };
        return { body: signJws(joseKeyOf(by), header, payload), mediaType: "application/vc+jwt" };
      };

    it("lets a credential pass whose bit is clear", async () => {
      await expectOutcome({ statusListCredential: lists.serve(w3cList(false)) }, null);
    });

    it("closes the request when the credential's bit is set: revoked", async () => {
      await expectOutcome({ statusListCredential: lists.serve(w3cList(true)) }, "credential_revoked");
    });

    it("closes the request when the credential's bit is set: suspended", async () => {
      const list = w3cList(true, { subject: { statusPurpose: "suspension" } });
      const entry = { statusListCredential: lists.serve(list), statusPurpose: "suspension" };
      await expectOutcome(entry, "credential_suspended");
    });

    const bad: [string, () => (url: string) => ServedList, object?][] = [
      ["has another purpose", () => w3cList(false, { subject: { statusPurpose: "suspension" } })],
      ["expired", () => w3cList(false, { payload: { validUntil: "2020-01-01T00:00:00Z" } })],
      ["is another issuer's", () => w3cList(false, { by: stranger, payload: { issuer: "https://stranger.example" } })],
      ["is signed by another issuer", () => w3cList(false, { by: stranger })],
      ["names no issuer", () => w3cList(false, { payload: { issuer: undefined } })],
      ["holds no list", () => w3cList(false, { subject: { encodedList: undefined } })],
      [
        "inflates to more than a list is",
        () =>
          w3cList(false, {
            subject: { encodedList: `u${gzipSync(Buffer.alloc(MAX_LIST_BYTES + 1)).toString("base64url")}` },
          }),
      ],
      ["ends before the credential's index", () => w3cList(false), { statusListIndex: "131072" }],
      ["is asked for a place that is none", () => w3cList(false), { statusListIndex: "-1" }],
    ];
    for (const [what, list, entry] of bad) {
      it(`closes the request, as no pass, when it ${what}`, async () => {
        await expectOutcome({ statusListCredential: lists.serve(list()), ...entry }, "status_invalid");
      });
    }

    it("closes the request when the status is of a kind that is not known", async () => {
      await expectOutcome({ type: "OtherStatus2030" }, "status_invalid");
    });
  });
});

function bomb(): string {
  return deflateSync(Buffer.alloc(MAX_LIST_BYTES + 1)).toString("base64url");
}
