import { expect } from "chai";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeHeader, hashHeader } from "../../../api/audit/blockHeader";
import { type ProvenStatus, verifyStatus } from "../../../api/audit/statusProof";
import type { Service } from "../../../embedded/service";
import { startChain } from "../../../embedded/startChain";
import { eventually } from "../../support/eventually";
import type { Answer } from "../../support/ask";
import { issue, newHolder, newIssuer, type TestHolder, type TestIssuer } from "../../support/credentialActors";
import { type Fixture, fixture } from "../../support/fixture";

describe("audit", () => {
  let node: Service;
  let dataDir: string;
  let on: Fixture;
  let issuer: TestIssuer;
  let alice: TestHolder;
  let revoked: Answer["body"];
  let untouched: Answer["body"];

  before(async () => {
    // A node of our own: setting a balance, as other files do, changes a Hardhat node's state under its newest block,
    // and a storage proof rightly fails then.
    dataDir = mkdtempSync(join(tmpdir(), "cairn-audit-"));
    node = await startChain({ dataDir, persistent: false, env: { ...process.env, RPC_URL: "" } });
    on = await fixture("audit", {
      modules: ["issuers", "credentials", "audit"],
      chain: { rpcUrl: node.url },
      workers: true,
    });
    await on.startIndexer();
    issuer = await newIssuer(on);
    alice = await newHolder(on);
    untouched = await issue(on, issuer, alice);
    revoked = await issue(on, issuer, alice);
    const others = await Promise.all([issue(on, issuer, alice), issue(on, issuer, alice)]);
    await on.ask("POST", "/credentials/revoke", { token: issuer.apiKey, body: { credentialId: revoked.credentialId } });
    const credentialIds = others.map(({ credentialId }) => credentialId);
    const { body } = await on.ask("POST", "/credentials/suspend", { token: issuer.apiKey, body: { credentialIds } });
    await eventually("both changes to be final", async () => {
      const path = `/credentials/status-changes/${body.jobId}`;
      return (await on.ask("GET", path, { token: issuer.apiKey })).body.status === "final";
    });
  });

  after(async () => {
    await on.close();
    await node.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const audit = async (id: string) => (await on.ask("GET", `/audit/credentials/${id}`)).body;
  const proven = ({ credId, revoked: isRevoked, suspended, proof }: Answer["body"]): ProvenStatus => ({
    credId,
    revoked: isRevoked,
    suspended,
    proof,
  });

  it("shows a revocation with its transaction and block, and proves it to whoever trusts the block's hash alone", async () => {
    const answer = await audit(revoked.credentialId);
    expect(answer).to.include({
      credId: revoked.credId,
      issuer: issuer.address,
      revoked: true,
      suspended: false,
      doubt: null,
    });
    expect(answer.events).to.have.length(1);
    expect(answer.events[0]).to.include({ name: "CredentialRevoked", subject: issuer.address });
    const receipt = await on.context.chain.provider.getTransactionReceipt(answer.events[0].transactionHash);
    expect(receipt!.blockHash).to.equal(answer.events[0].blockHash);

    const block = await on.context.chain.provider.getBlock(answer.proof.block.number);
    verifyStatus(proven(answer), block!.hash!);
  });

  it("proves that a credential is not revoked, by its id and by its name on the chain", async () => {
    for (const id of [untouched.credentialId, untouched.credId]) {
      const answer = await audit(id);
      expect(answer).to.include({ revoked: false, suspended: false });
      expect(answer.events).to.deep.equal([]);
      verifyStatus(proven(answer), answer.proof.block.hash);
    }
    const stranger = await audit(`0x${"ab".repeat(20)}${"0".repeat(24)}`);
    expect(stranger.revoked).to.equal(false);
    verifyStatus(proven(stranger), stranger.proof.block.hash);
  });

  it("fails offline verification whatever is changed in the answer", async () => {
    const answer = await audit(revoked.credentialId);
    const good = proven(answer);
    const { hash } = answer.proof.block;
    const altered = (change: (claim: ProvenStatus) => void) => {
      const claim = structuredClone(good);
      change(claim);
      return () => verifyStatus(claim, hash);
    };
    expect(altered((claim) => (claim.revoked = false))).to.throw("otherwise about revocation");
    expect(altered((claim) => (claim.suspended = true))).to.throw("otherwise about suspension");
    expect(altered((claim) => (claim.credId = untouched.credId))).to.throw("otherwise about revocation");
    expect(altered((claim) => (claim.credId = `0x${"ab".repeat(20)}${"0".repeat(24)}`))).to.throw(
      "not where revocation of this credential is stored",
    );
    expect(altered((claim) => (claim.proof.storage[0]!.value = "0x0"))).to.throw("another word");
    expect(altered((claim) => claim.proof.storage.shift())).to.throw("nothing is proved about revocation");
    expect(altered((claim) => claim.proof.storage[0]!.proof.pop())).to.throw();
    expect(altered((claim) => claim.proof.accountProof.pop())).to.throw();
    expect(altered((claim) => (claim.proof.address = issuer.address))).to.throw();
    expect(altered((claim) => (claim.proof.block.number += 1))).to.throw("another block number");
    expect(() => verifyStatus(good, `0x${"0".repeat(64)}`)).to.throw("not that of the block");
    const node = good.proof.storage[0]!.proof[0]!;
    const flipped = node.slice(0, -1) + (node.endsWith("0") ? "1" : "0");
    expect(altered((claim) => (claim.proof.storage[0]!.proof[0] = flipped))).to.throw("not the one its parent names");
  });

  it("is checked offline by npm run audit:verify, whose exit code is the result", async () => {
    const directory = mkdtempSync(join(tmpdir(), "cairn-audit-"));
    try {
      const answer = await audit(revoked.credentialId);
      const verify = (body: unknown, ...args: string[]) => {
        const file = join(directory, "answer.json");
        writeFileSync(file, JSON.stringify(body));
        const script = join(__dirname, "../../../scripts/operate/auditVerify.ts");
        return spawnSync(process.execPath, ["--require", "./scripts/typescript.cjs", script, file, ...args], {
          encoding: "utf8",
        });
      };
      const good = verify(answer, "--block-hash", answer.proof.block.hash);
      expect(good.stdout).to.include(`${revoked.credId} is revoked`);
      expect(good.status).to.equal(0);
      const bad = verify({ ...answer, revoked: false });
      expect(bad.stderr).to.include("does not hold");
      expect(bad.status).to.equal(1);
      expect(verify(answer, "--block-hash", `0x${"0".repeat(64)}`).status).to.equal(1);
      expect(verify({ ...answer, proof: null }).stderr).to.include("carries no proof");
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it("lists changes of status and events, the newest first, in pages", async () => {
    const { body } = await on.ask("GET", `/audit/revocations?issuer=${issuer.address}`);
    const changes = body.changes.map(({ credentials }: { credentials: { change: string }[] }) =>
      credentials.map(({ change }) => change),
    );
    expect(changes).to.deep.equal([["suspended", "suspended"], ["revoked"]]);
    expect(body.changes[1].credentials[0].credId).to.equal(revoked.credId);
    expect(body.next).to.equal(null);
    // A page is as large as what it names: the event with two credentials fills two pages of one.
    const listed: { credId: string; change: string }[] = [];
    const pages: [number, number][] = [];
    for (let query = ""; pages.length < 9;) {
      const page = (await on.ask("GET", `/audit/revocations?issuer=${issuer.address}&limit=1${query}`)).body;
      expect(page.changes).to.have.length(1);
      const [{ credentials, offset, total }] = page.changes;
      listed.push(...credentials);
      pages.push([offset, total]);
      if (page.next === null) break;
      query = `&before=${page.next}`;
    }
    expect(pages).to.deep.equal([
      [0, 2],
      [1, 2],
      [0, 1],
    ]);
    expect(listed).to.deep.equal(body.changes.flatMap(({ credentials }: { credentials: object[] }) => credentials));
    expect((await on.ask("GET", "/audit/revocations?before=7")).body.code).to.equal("request.invalid");
    const events = (await on.ask("GET", `/audit/events?subject=${issuer.address}&name=DIDRegistered`)).body.events;
    expect(events).to.have.length(1);
    expect(events[0].args.documentUri).to.include(`/issuers/${issuer.address}/documents/`);
  });

  it("refuses ids it cannot know", async () => {
    expect((await audit("00000000-0000-4000-8000-000000000000")).code).to.equal("credential.unknown");
    expect((await audit("0x12")).code).to.equal("request.invalid");
  });

  it("hashes headers as the chain does, so that every block's own hash comes out", async () => {
    const { provider } = on.context.chain;
    const latest = await provider.getBlockNumber();
    for (let number = 0; number <= latest; number += 7) {
      const block = (await provider.send("eth_getBlockByNumber", [`0x${number.toString(16)}`, false])) as Record<
        string,
        string
      >;
      expect(hashHeader(encodeHeader(block))).to.equal(block["hash"]);
    }
  });
});
