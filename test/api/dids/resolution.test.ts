import { expect } from "chai";
import { encodeBytes32String } from "ethers";
import { createHttpApp } from "../../../api/http/httpApp";
import { type HttpServer, listen } from "../../../api/http/server";
import { didEndpoints } from "../../../api/dids/routes";
import { createLogger } from "../../../core/logger";
import type { Deployment } from "../../../chain/deployment";
import type { RegistryEvent } from "../../../chain/registry/events";
import { type DidState, foldDid } from "../../../chain/registry/fold";
import type { Freshness } from "../../../projection/freshness";
import type { Indexed, WantedEvents } from "../../../projection/queries";
import { fakeClock } from "../../support/fakeClock";

const ALICE = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";
const BOB = "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc";
const CAROL = "0x90f79bf6eb2c4f870365e785982e1f101e93b906";
const GONE = "0x15d34aaf54267db7d7c367839aaf71a00a2c6a65";
const ISSUER = "0x9965507d1a55bcc2695c58ba16fb37d819b0a4dc";
const ZERO_HASH = `0x${"0".repeat(64)}`;
const did = (address: string) => `did:mychain:${address}`;

interface ResolutionBody {
  didDocument: Record<string, unknown> | null;
  didResolutionMetadata: {
    contentType?: string;
    error?: { type: string; title: string; detail: string };
    index?: Record<string, unknown>;
  };
  didDocumentMetadata: Record<string, unknown>;
}

/** Makes events of one identity, a block and a minute each. */
function history(identity: string, ...events: Partial<RegistryEvent>[]): RegistryEvent[] {
  return events.map((event, at) => ({
    registry: "DIDRegistry",
    subject: identity,
    blockNumber: 10 + at,
    blockHash: `0x${String(at).repeat(64)}`,
    minedAt: new Date(Date.UTC(2026, 10, 21, 12, at, 30, 500)),
    transactionHash: `0x${"a".repeat(63)}${at}`,
    logIndex: 0,
    ...event,
  })) as RegistryEvent[];
}

const registered = (identity: string) =>
  ({
    name: "DIDRegistered",
    args: {
      identity,
      documentUri: "https://alice.example/did.json",
      documentHash: ZERO_HASH,
      version: 1,
    },
  }) as const;

const publicKeyJwk = { kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" };
/** What issuers' slice gives for the digest; the latter two must not get in: the chain and other DIDs come first. */
const HOSTED_KEYS = [
  { id: `${did(ISSUER)}#key-1`, publicKeyJwk },
  { id: `${did(ISSUER)}#controller`, publicKeyJwk },
  { id: `${did(BOB)}#key-1`, publicKeyJwk },
];

const EVENTS: Record<string, RegistryEvent[]> = {
  [ISSUER]: history(
    ISSUER,
    registered(ISSUER),
    {
      name: "DocumentUpdated",
      args: {
        identity: ISSUER,
        documentUri: "https://issuer.example/did.json",
        documentHash: `0x${"15".repeat(32)}`,
        version: 2,
      },
    },
    {
      name: "DocumentUpdated",
      args: {
        identity: ISSUER,
        documentUri: "https://issuer.example/did.json",
        documentHash: `0x${"16".repeat(32)}`,
        version: 3,
      },
    },
  ),
  [ALICE]: history(
    ALICE,
    registered(ALICE),
    { name: "ControllerChanged", args: { identity: ALICE, controller: BOB, version: 2 } },
    { name: "NonceConsumed", args: { identity: ALICE, signer: BOB, nonce: (2n << 64n).toString() } },
    {
      name: "DocumentUpdated",
      args: { identity: ALICE, documentUri: "ipfs://bafy", documentHash: `0x${"5a".repeat(32)}`, version: 3 },
    },
  ),
  [GONE]: history(GONE, registered(GONE), { name: "DIDDeactivated", args: { identity: GONE, version: 2 } }),
  [CAROL]: history(CAROL, registered(CAROL), {
    name: "DelegateAdded",
    args: {
      identity: CAROL,
      role: encodeBytes32String("authentication"),
      delegate: BOB,
      expiresAt: String(Date.UTC(2026, 10, 21, 13) / 1000),
      version: 2,
    },
  }),
};

describe("resolving a DID over HTTP", () => {
  let server: HttpServer;
  let url: string;
  let unverifiedReason: string | null = null;
  let freshness: Freshness | null;
  const undeclared: string[] = [];
  const clock = fakeClock(new Date("2026-11-21T12:30:00Z"));
  const chain = { chainId: 31337, deployment: { didMethod: "mychain" } as Deployment };

  const projection = {
    findDid(address: string): Promise<Indexed<DidState>> {
      const events = EVENTS[address] ?? [];
      const state = events.reduce<DidState | null>(foldDid, null);
      const last = events.at(-1)?.blockNumber;
      const confirmations = last === undefined ? null : 20 - last + 1;
      return Promise.resolve({
        state,
        freshness,
        confirmations,
        finalized: last === undefined ? null : last <= 12,
        unverifiedReason,
      });
    },
    eventsOf: (address: string, { names }: WantedEvents = {}) =>
      Promise.resolve((EVENTS[address] ?? []).filter(({ name }) => names === undefined || names.includes(name))),
  };

  const config = { http: { publicUrl: "https://cairn.example" } };
  const assertionKeys = (address: string, documentHash: string) =>
    Promise.resolve(address === ISSUER && documentHash === `0x${"15".repeat(32)}` ? HOSTED_KEYS : []);

  before(async () => {
    const logger = createLogger({ processName: "api", logLevel: "silent" });
    const app = createHttpApp(didEndpoints({ projection, chain, clock, config, assertionKeys }), {
      logger,
      publicUrl: "https://cairn.example",
      bodyLimitBytes: 1_024,
      trustProxy: 0,
      readSession: () => Promise.reject(new Error("no session is needed")),
      createBudget: (policy) => ({
        policy,
        take: () => Promise.resolve({ allowed: true, taken: 1, remaining: policy.limit - 1, resetSeconds: 60 }),
        giveBack: () => Promise.resolve(),
        reset: () => Promise.resolve(),
      }),
      onFinished: () => undefined,
      onUndeclared: (what) => undeclared.push(what),
    });
    server = await listen(app, { host: "127.0.0.1", port: 0 });
    url = `http://127.0.0.1:${server.port}/1.0/identifiers/`;
  });
  beforeEach(() => {
    unverifiedReason = null;
    freshness = {
      blockNumber: 20,
      blockHash: `0x${"b".repeat(64)}`,
      minedAt: new Date("2026-11-21T12:20:30.500Z"),
      headNumber: 21,
      headSeenAt: clock.now(),
      finalizedNumber: 12,
      verifiedNumber: 20,
      incompleteBlocks: [],
    };
  });
  after(async () => {
    await server.close(1_000);
    expect(undeclared).to.deep.equal([]);
  });

  async function resolve(identifier: string, accept?: string) {
    const response = await fetch(url + identifier, { headers: accept === undefined ? {} : { accept } });
    const contentType = response.headers.get("content-type");
    return {
      status: response.status,
      contentType,
      headers: response.headers,
      body: (await response.json()) as ResolutionBody,
    };
  }

  async function expectError(identifier: string, status: number, error: string) {
    const answer = await resolve(identifier);
    expect([answer.status, answer.contentType]).to.deep.equal([status, "application/did-resolution"]);
    expect(answer.body.didDocument).to.equal(null);
    expect(answer.body.didDocumentMetadata).to.deep.equal({});
    expect(answer.body.didResolutionMetadata.error?.type).to.equal(`https://www.w3.org/ns/did#${error}`);
    expect(answer.body.didResolutionMetadata.error?.detail).to.match(/\.$/);
    return answer;
  }

  it("gives the document, what is known of it, and how fresh that is", async () => {
    const { status, contentType, body } = await resolve(did(ALICE));
    expect([status, contentType]).to.deep.equal([200, "application/did-resolution"]);
    expect(body.didDocument).to.include({ id: did(ALICE), controller: did(BOB) });
    expect(body.didDocument?.["@context"]).to.deep.equal([
      "https://www.w3.org/ns/did/v1.1",
      "https://w3id.org/security/suites/secp256k1recovery-2020/v2",
      "https://cairn.example/contexts/v1",
    ]);
    expect(body.didDocumentMetadata).to.deep.equal({
      created: "2026-11-21T12:00:30Z",
      updated: "2026-11-21T12:03:30Z",
      versionId: "3",
      deactivated: false,
      registered: true,
      documentSha256: `0x${"5a".repeat(32)}`,
      documentKeys: "unavailable",
      transactionHash: `0x${"a".repeat(63)}3`,
      blockNumber: 13,
    });
    expect(body.didResolutionMetadata).to.deep.equal({
      contentType: "application/did",
      index: {
        blockNumber: 20,
        blockHash: `0x${"b".repeat(64)}`,
        blockTime: "2026-11-21T12:20:30Z",
        headBlockNumber: 21,
        confirmations: 8,
        finalized: false,
      },
    });
  });

  it("merges the signing keys of the hosted document whose digest the chain has, and says so", async () => {
    const { body } = await resolve(`${did(ISSUER)}?versionId=2`);
    expect(body.didDocumentMetadata["documentKeys"]).to.equal("merged");
    const methods = body.didDocument?.["verificationMethod"] as { id: string; type: string }[];
    expect(methods.map(({ id, type }) => [id, type])).to.deep.equal([
      [`${did(ISSUER)}#controller`, "EcdsaSecp256k1RecoveryMethod2020"],
      [`${did(ISSUER)}#key-1`, "JsonWebKey2020"],
    ]);
    expect(body.didDocument?.["assertionMethod"]).to.deep.equal([`${did(ISSUER)}#controller`, `${did(ISSUER)}#key-1`]);
    expect(body.didDocument?.["authentication"]).to.deep.equal([`${did(ISSUER)}#controller`]);
    expect(body.didDocument?.["@context"]).to.include("https://w3id.org/security/suites/jws-2020/v1");
  });

  it("leaves the keys out, and says so, where the document of the chain's digest is not at hand", async () => {
    const { body } = await resolve(did(ISSUER));
    expect(body.didDocumentMetadata["documentKeys"]).to.equal("unavailable");
    expect(body.didDocument?.["verificationMethod"]).to.have.length(1);
  });

  it("gives the document alone in each of its media types, named exactly", async () => {
    for (const [type, context] of [
      ["application/did", "https://www.w3.org/ns/did/v1.1"],
      ["application/did+ld+json", "https://www.w3.org/ns/did/v1"],
      ["application/ld+json", "https://www.w3.org/ns/did/v1"],
      ["application/did+json", undefined],
    ] as const) {
      const { status, contentType, body } = await resolve(did(ALICE), type);
      expect([status, contentType]).to.deep.equal([200, type]);
      const document = body as unknown as Record<string, string[] | undefined>;
      expect(document["id"]).to.equal(did(ALICE));
      expect(document["@context"]?.[0]).to.equal(context);
    }
  });

  it("leaves `updated` out where nothing was updated", async () => {
    const { body } = await resolve(`${did(CAROL)}?versionId=1`);
    expect(body.didDocumentMetadata).to.not.have.property("updated");
    expect(body.didDocumentMetadata).to.include({
      versionId: "1",
      nextVersionId: "2",
      nextUpdate: "2026-11-21T12:01:30Z",
    });
  });

  it("gives each version as it was, and names the next", async () => {
    const first = await resolve(`${encodeURIComponent(did(ALICE))}?versionId=1`);
    expect(first.status).to.equal(200);
    expect(first.body.didDocument).to.not.have.property("controller");
    expect(first.body.didDocumentMetadata).to.include({
      versionId: "1",
      nextVersionId: "2",
      nextUpdate: "2026-11-21T12:01:30Z",
    });
    const second = await resolve(`${did(ALICE)}?versionId=2`);
    expect(second.body.didDocument).to.include({ controller: did(BOB) });
    expect(second.body.didDocumentMetadata).to.include({
      versionId: "2",
      nextVersionId: "3",
      updated: "2026-11-21T12:01:30Z",
    });
    const third = await resolve(`${did(ALICE)}?versionId=3`);
    expect(third.body.didDocumentMetadata).to.not.have.property("nextVersionId");
  });

  it("gives the version that was current at a time, to the second", async () => {
    for (const [time, version] of [
      ["2026-11-21T12:01:30Z", "1"],
      ["2026-11-21T12:01:31Z", "2"],
      ["2026-11-21T12:01:30.500Z", "2"],
      ["2030-01-01T00:00:00Z", "3"],
    ] as const) {
      const { body } = await resolve(`${did(ALICE)}?versionTime=${time}`);
      expect(body.didDocumentMetadata["versionId"], time).to.equal(version);
    }
    const { body } = await resolve(`${did(ALICE)}?versionTime=2026-11-21T12:00:00Z`);
    expect(body.didDocumentMetadata, "before its first change it controlled itself").to.deep.equal({
      versionId: "0",
      nextVersionId: "1",
      nextUpdate: "2026-11-21T12:00:30Z",
      deactivated: false,
      registered: false,
    });
    expect(body.didDocument).to.not.have.property("controller");
  });

  it("shows a delegate until its role ends", async () => {
    const delegates = async (query: string) => (await resolve(did(CAROL) + query)).body.didDocument?.["authentication"];
    expect(await delegates("")).to.have.length(2);
    expect(await delegates("?versionTime=2026-11-21T12:59:59Z")).to.have.length(2);
    expect(await delegates("?versionTime=2026-11-21T13:00:00Z")).to.have.length(1);
  });

  it("says of a deactivated DID that it is gone, whatever is asked for", async () => {
    for (const accept of ["application/did-resolution", "application/did"]) {
      const { status, contentType, body } = await resolve(did(GONE), accept);
      expect([status, contentType]).to.deep.equal([410, "application/did-resolution"]);
      expect(body.didDocument).to.equal(null);
      expect(body.didDocumentMetadata).to.include({ deactivated: true, versionId: "2" });
      expect(body.didResolutionMetadata).to.not.have.property("error");
    }
    const before = await resolve(`${did(GONE)}?versionId=1`);
    expect([before.status, before.body.didDocumentMetadata["deactivated"]]).to.deep.equal([200, false]);
  });

  it("gives the default document of a DID that never changed, and says as of which block", async () => {
    for (const query of ["", "?versionId=0", "?versionTime=2026-11-21T12:00:00Z"]) {
      const { status, body } = await resolve(did(BOB) + query);
      expect(status).to.equal(200);
      expect(body.didDocument).to.include({ id: did(BOB) });
      expect(body.didDocument).to.not.have.any.keys("controller", "service");
      const [method] = body.didDocument!["verificationMethod"] as { blockchainAccountId: string }[];
      expect(method!.blockchainAccountId.toLowerCase()).to.equal(`eip155:31337:${BOB}`);
      expect(body.didDocumentMetadata).to.deep.equal({ versionId: "0", deactivated: false, registered: false });
      expect(body.didResolutionMetadata.index).to.include({ blockNumber: 20 });
    }
  });

  it("knows no version that is not there yet", async () => {
    await expectError(`${did(ALICE)}?versionId=4`, 404, "NOT_FOUND");
    await expectError(`${did(BOB)}?versionId=1`, 404, "NOT_FOUND");
  });

  it("gives no document while an event may be missing", async () => {
    unverifiedReason = "version 4 follows 2";
    const { headers } = await expectError(did(ALICE), 500, "INTERNAL_ERROR");
    expect(headers.get("retry-after")).to.equal("5");
  });

  it("does not call unknown what it could not know: an empty index is an error", async () => {
    freshness = null;
    await expectError(did(ALICE), 500, "INTERNAL_ERROR");
  });

  it("refuses with the standard's own words and statuses", async () => {
    await expectError("did:mychain:0xABC", 400, "INVALID_DID");
    await expectError("nonsense", 400, "INVALID_DID");
    await expectError(encodeURIComponent(`${did(ALICE)}#controller`), 400, "INVALID_DID");
    await expectError("did:web:example.com", 501, "METHOD_NOT_SUPPORTED");
    await expectError(`${did(ALICE)}?service=files`, 501, "FEATURE_NOT_SUPPORTED");
    for (const query of [
      "versionId=01",
      "versionId=one",
      "versionId=1&versionId=2",
      "versionTime=yesterday",
      "versionTime=2026-13-01T00:00:00Z",
      "versionId=1&versionTime=2026-11-21T12:00:00Z",
      "expandRelativeUrls=maybe",
    ]) {
      await expectError(`${did(ALICE)}?${query}`, 400, "INVALID_OPTIONS");
    }
    const { status, body } = await resolve(did(ALICE), "text/html");
    expect([status, body.didResolutionMetadata.error?.type]).to.deep.equal([
      406,
      "https://www.w3.org/ns/did#REPRESENTATION_NOT_SUPPORTED",
    ]);
  });
});
