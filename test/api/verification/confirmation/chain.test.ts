import { expect } from "chai";
import { createServer, request as sendRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createChain } from "../../../../chain/client";
import { loadConfig } from "../../../../core/config/config";
import { createChainFacts } from "../../../../api/verification/confirmation/chainFacts";
import { createIndexFacts } from "../../../../api/verification/confirmation/indexFacts";
import { createCredentialStore } from "../../../../api/credentials/store";
import { createUsageStore } from "../../../../api/verification/usage/store";
import { eventually } from "../../../support/eventually";
import { fakeClock } from "../../../support/fakeClock";
import { testRpcUrl } from "../../../support/servers";
import {
  answerChallenge,
  confirm,
  deployContractWallet,
  issue,
  newHolder,
  newIssuer,
  newVerifier,
  present,
  registerAndHandOver,
  requestVerification,
  revokeDirectly,
  type TestHolder,
  type TestIssuer,
  type TestVerifier,
} from "../../../support/credentialActors";
import { type Fixture, fixture } from "../../../support/fixture";

/** A node's door that can be shut, and counts what goes through. */
interface Door {
  url: string;
  open: boolean;
  /** The calls of each exchange. */
  exchanges: { method: string; params: unknown[] }[][];
  server: Server;
}

async function startDoor(): Promise<Door> {
  const door = { url: "", open: true, exchanges: [] as Door["exchanges"] } as Door;
  const behind = new URL(testRpcUrl());
  door.server = createServer((request, response) => {
    if (!door.open) return void request.socket.destroy();
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      door.exchanges.push([JSON.parse(body.toString())].flat() as Door["exchanges"][number]);
      const forward = sendRequest(
        { host: behind.hostname, port: behind.port, method: "POST", headers: { "content-type": "application/json" } },
        (answer) => {
          response.writeHead(answer.statusCode ?? 502, { "content-type": "application/json" });
          answer.pipe(response);
        },
      );
      forward.on("error", () => response.destroy());
      forward.end(body);
    });
  });
  await new Promise<void>((resolve) => door.server.listen(0, "127.0.0.1", resolve));
  door.url = `http://127.0.0.1:${(door.server.address() as AddressInfo).port}`;
  return door;
}

describe("the chain behind a verification", () => {
  let door: Door;
  let on: Fixture;
  let issuer: TestIssuer;
  let verifier: TestVerifier;
  let alice: TestHolder;

  before(async () => {
    door = await startDoor();
    on = await fixture("chain-facts", {
      modules: ["issuers", "credentials", "verification"],
      chain: { rpcUrl: door.url },
      workers: true,
    });
    issuer = await newIssuer(on);
    verifier = await newVerifier(on);
    alice = await newHolder(on);
  });

  after(async () => {
    await on.close();
    door.server.close();
  });

  it("fails closed: without an answer nothing passes, nothing is used, and the attempt is on record", async () => {
    const { credentialId } = await issue(on, issuer, alice);
    const answer = answerChallenge(await requestVerification(on, verifier, credentialId), alice);
    door.open = false;
    try {
      const refused = await confirm(on, answer);
      expect(refused.status).to.equal(503);
      expect(refused.body.code).to.equal("rpc.unreachable");
      expect(Number(refused.headers.get("retry-after"))).to.be.greaterThan(0);
    } finally {
      door.open = true;
    }
    expect((await createCredentialStore(on.context).find(credentialId))!.usageCount).to.equal(0);
    const log = createUsageStore(on.context.mongo);
    expect((await log.list({ credentialId }, { limit: 9, before: null })).map(({ result }) => result)).to.deep.equal([
      "UNDECIDED",
    ]);
    expect((await confirm(on, answer)).status, "the same confirmation once the chain answers").to.equal(200);
  });

  it("is asked once for what concurrent verifications have in common", async () => {
    const chain = createChain(
      loadConfig("api", { RPC_URL: door.url, CHAIN_ID: "31337", DEPLOYMENTS_DIR: on.chain.deploymentsDir }).chain,
    );
    const facts = createChainFacts(chain);
    const question = (index: number) => ({ issuer: issuer.address, index, subject: alice.did.split(":")[2]! });
    const before = door.exchanges.length;
    const answers = await Promise.all(Array.from({ length: 256 }, (_, index) => facts.read(question(index))));
    chain.close();
    expect(answers.every(({ accredited, revoked }) => accredited && !revoked)).to.equal(true);
    // The relayer looks at the chain through the same door, but calls no contract.
    const asked = door.exchanges.slice(before).filter((calls) => calls.some(({ method }) => method === "eth_call"));
    expect(asked).to.have.length(1);
    // The block, the states of all credentials, and two identities.
    expect(asked[0]).to.have.length(4);
  });

  it("is asked anew by every question that comes later: no answer is older than its question", async () => {
    const chain = createChain(
      loadConfig("api", { RPC_URL: door.url, CHAIN_ID: "31337", DEPLOYMENTS_DIR: on.chain.deploymentsDir }).chain,
    );
    const facts = createChainFacts(chain);
    const { credId } = await issue(on, issuer, alice);
    const question = {
      issuer: issuer.address,
      index: Number(BigInt(credId) & ((1n << 96n) - 1n)),
      subject: alice.did.split(":")[2]!,
    };
    const early = facts.read(question);
    await revokeDirectly(on, issuer, credId);
    const late = facts.read(question);
    expect((await late).revoked).to.equal(true);
    await early;
    chain.close();
  });

  it("decides who the holder is: the account that controls the subject's DID now", async () => {
    const carol = await newHolder(on);
    const heir = await newHolder(on);
    await registerAndHandOver(on, carol, heir);
    const { credentialId } = await issue(on, issuer, carol, { maxUsages: 5 });
    const byCarol = await confirm(
      on,
      answerChallenge(await requestVerification(on, verifier, credentialId), carol, carol),
    );
    expect(byCarol.body.code).to.equal("verification.holder_mismatch");
    const byHeir = await confirm(
      on,
      answerChallenge(await requestVerification(on, verifier, credentialId), carol, heir),
    );
    expect(byHeir.status, byHeir.text).to.equal(200);
  });

  it("lets a contract wallet hold credentials: the contract says what it signed (ERC-1271)", async () => {
    const keyholder = await newHolder(on);
    const address = await deployContractWallet(on, keyholder.wallet.address);
    const vault = { ...keyholder, did: `${alice.did.slice(0, -42)}${address}` };
    const { credentialId } = await issue(on, issuer, vault);
    const byStranger = await confirm(
      on,
      answerChallenge(await requestVerification(on, verifier, credentialId), vault, alice),
    );
    expect(byStranger.body.code).to.equal("verification.holder_mismatch");
    const confirmed = await present(on, verifier, credentialId, vault);
    expect(confirmed.status, confirmed.text).to.equal(200);
  });

  describe("seen through the index, where a setting allows it", () => {
    it("says the same as the chain itself, and not what is too old or unverified", async () => {
      await on.startIndexer();
      const { credId } = await issue(on, issuer, alice);
      const index = Number(BigInt(credId) & ((1n << 96n) - 1n));
      const question = { issuer: issuer.address, index, subject: alice.did.split(":")[2]! };
      await revokeDirectly(on, issuer, credId);
      await eventually(
        "the index to show the revocation",
        async () => (await on.context.projection.credentialStatus(credId)).revoked,
      );
      const clock = fakeClock(new Date());
      const facts = createIndexFacts({ index: on.context.projection, maxStalenessSeconds: 30, clock });
      const { block: _indexed, ...indexed } = await facts.read(question);
      const { block: _asked, ...asked } = await createChainFacts(on.context.chain).read(question);
      expect(indexed).to.deep.equal(asked);
      clock.advance(120);
      const refused = await facts.read(question).then(String, (error: unknown) => (error as { code: string }).code);
      expect(refused).to.equal("index.stale");
    });
  });
});
