import { expect } from "chai";
import { PURPOSE } from "../../chain/registry/statusPurpose";
import { createProjection, type Projection } from "../../projection/queries";
import { type DevChain, startDevChain } from "../support/devChain";
import { type IndexDatabase, indexedUpTo, connectIndexDatabase, startIndexer } from "../support/indexerHarness";

describe("reading the index", () => {
  let chain: DevChain;
  let database: IndexDatabase;
  let index: Projection;
  let issuer: string;
  const credId = (number: number) => `${issuer}${number.toString(16).padStart(24, "0")}`;

  before(async () => {
    chain = await startDevChain();
    database = await connectIndexDatabase("queries");
    index = createProjection(database.mongo);
    issuer = chain.accounts[1]!;
    expect(await index.freshness(), "nothing is indexed yet").to.equal(null);
    expect((await index.findDid(issuer)).freshness).to.equal(null);
    const registry = await chain.didRegistry(issuer);
    await (await registry.registerDID(`did:mychain:${issuer}`, "https://a.example")).wait();
    await (await registry.setCredentialStatus(credId(3), true)).wait();
    await (await registry.setStatus(credId(256), PURPOSE.suspension, true)).wait();
    await (await registry.setStatusWords(issuer, PURPOSE.suspension, 2, [1n, 2n], true)).wait();
    await (await (await chain.issuerRegistry()).accredit(issuer, "https://issuer.example")).wait();
    const indexer = startIndexer({ database, rpcUrls: [chain.url], deployment: () => chain.deployment });
    await indexedUpTo(database, (await chain.provider.getBlock("latest"))!.hash!);
    await indexer.stop();
  });

  after(async () => {
    await database.drop();
    await chain.stop();
  });

  it("tells both bits of a credential, by the layout of the contract", async () => {
    expect(await index.credentialStatus(credId(3))).to.deep.include({
      revoked: true,
      suspended: false,
      unverifiedReason: null,
    });
    expect(await index.credentialStatus(credId(256))).to.deep.include({ revoked: false, suspended: true });
    expect(await index.credentialStatus(credId(4))).to.deep.include({ revoked: false, suspended: false });
    expect(await index.credentialStatus(credId(3 * 256 + 254))).to.deep.include({ suspended: true });
  });

  it("gives words in order, with zeros where none was written", async () => {
    const { words, freshness } = await index.statusWords(issuer, PURPOSE.suspension, 0, 5);
    expect(words.map((word) => BigInt(word))).to.deep.equal([0n, 1n << 255n, 1n, 2n, 0n]);
    expect(freshness?.blockNumber).to.equal(await chain.blockNumber());
    expect(() => index.statusWords(issuer, PURPOSE.suspension, 0, 5_000)).to.throw(RangeError);
  });

  it("finds an issuer's accreditation", async () => {
    const { state } = await index.findIssuer(issuer);
    expect(state).to.deep.include({ accredited: true, metadataUri: "https://issuer.example", version: 1 });
    expect((await index.findIssuer(chain.accounts[2]!)).state).to.equal(null);
  });

  it("lists events of a subject in the chain's order, and of all in pages, the newest first", async () => {
    const events = await index.eventsOf(issuer);
    expect(events.map(({ name }) => name)).to.deep.equal([
      "DIDRegistered",
      "CredentialRevoked",
      "StatusSet",
      "StatusWordsSet",
      "IssuerAccredited",
    ]);
    const first = await index.listEvents({ limit: 2 });
    expect(first.map(({ name }) => name)).to.deep.equal(["IssuerAccredited", "StatusWordsSet"]);
    const next = await index.listEvents({ limit: 1, before: first[1]!.position });
    expect(next.map(({ name }) => name)).to.deep.equal(["StatusSet"]);
    const revocations = await index.listEvents({ names: ["CredentialRevoked"], subject: issuer, limit: 5 });
    expect(revocations).to.have.length(1);
  });

  it("answers as of the cursor when a document is ahead of it", async () => {
    const { dids } = database.collections;
    const stored = (await dids.findOne({ _id: issuer }))!;
    await dids.updateOne(
      { _id: issuer },
      { $set: { documentUri: "https://ahead", position: stored.position + 2 ** 30 } },
    );
    expect((await index.findDid(issuer)).state?.documentUri).to.equal("https://a.example");
    await dids.replaceOne({ _id: issuer }, stored);
  });
});
