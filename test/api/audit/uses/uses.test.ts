import { expect } from "chai";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { useAnchoringHandler } from "../../../../api/audit/uses/anchoring";
import { formBatches } from "../../../../api/audit/uses/batching";
import { MAX_LEAVES, newBatch, newLeaf } from "../../../../api/audit/uses/rules";
import { createBatchStore } from "../../../../api/audit/uses/store";
import { type ProvenUse, verifyUse } from "../../../../api/audit/uses/useProof";
import { listUnbatchedUses, markUsesBatched } from "../../../../api/verification/usage/actions";
import { createUsageStore } from "../../../../api/verification/usage/store";
import { randomId } from "../../../../core/crypto";
import type { Service } from "../../../../embedded/service";
import { startChain } from "../../../../embedded/startChain";
import type { Answer } from "../../../support/ask";
import type { CrashPoint } from "../../../support/crashPoints";
import {
  issue,
  newHolder,
  newIssuer,
  newVerifier,
  present,
  type TestHolder,
  type TestIssuer,
  type TestVerifier,
} from "../../../support/credentialActors";
import { eventually } from "../../../support/eventually";
import { type Fixture, fixture } from "../../../support/fixture";
import { startChild } from "../../../support/startChild";

const HOUR = 3_600;

/** What a worker that anchors uses dies at. */
const DEATHS: { dies: string; crash?: CrashPoint; dieAt?: string }[] = [
  { dies: "before it stores the batch", crash: { mongo: "insert use_batches", when: "before", nth: 1 } },
  { dies: "after it stored the batch", crash: { mongo: "insert use_batches", when: "after", nth: 1 } },
  { dies: "after the usage log knows", crash: { mongo: "update credential_usage_log", when: "after", nth: 1 } },
  { dies: "before it records in whose name", crash: { mongo: "update use_batches", when: "before", nth: 2 } },
  { dies: "when the transaction is stored", dieAt: "persisted" },
  { dies: "when the transaction was sent", dieAt: "broadcast" },
];

describe("uses for auditors", () => {
  let node: Service;
  let dataDir: string;
  let on: Fixture;
  let issuer: TestIssuer;
  let verifier: TestVerifier;
  let alice: TestHolder;

  before(async () => {
    // A node of our own: a test decides what its blocks hold.
    dataDir = mkdtempSync(join(tmpdir(), "cairn-uses-"));
    node = await startChain({ dataDir, persistent: false, env: { ...process.env, RPC_URL: "" } });
    on = await fixture("uses", {
      modules: ["issuers", "credentials", "verification", "audit"],
      chain: { rpcUrl: node.url },
      workers: true,
      config: { useAnchors: { intervalSeconds: HOUR } },
    });
    await on.startIndexer();
    issuer = await newIssuer(on);
    verifier = await newVerifier(on, "Verifier of secrets");
    alice = await newHolder(on);
  });

  after(async () => {
    await on.close();
    await node.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  beforeEach(() => anchorEvery(HOUR));

  /** The configuration as a worker that is started now reads it. */
  const anchorEvery = (intervalSeconds: number) =>
    void (on.context.config.useAnchors.intervalSeconds = intervalSeconds);
  const audit = (id: string) => on.ask("GET", `/audit/uses/${id}`);

  async function use(credentialId: string, holder = alice): Promise<string> {
    const { status, text, body } = await present(on, verifier, credentialId, holder);
    expect(status, text).to.equal(200);
    return body["verificationId"] as string;
  }

  async function anchored(id: string): Promise<Answer["body"]> {
    await eventually("the use's batch to be mined", async () => {
      const { status, step } = (await audit(id)).body;
      return status === "anchored" || step === "mined";
    });
    // Its block is final when enough others follow; those of hardhat_mine are not linked to each other.
    if ((await audit(id)).body["status"] !== "anchored") {
      await Promise.all(Array.from({ length: 70 }, () => on.context.chain.provider.send("evm_mine", [])));
    }
    // One answer: the next may be 503 where the node is too busy for the proof.
    return eventually("the use to be anchored", async () => {
      const { body } = await audit(id);
      return body["status"] === "anchored" && body;
    });
  }

  async function allAnchored(ids: string[]): Promise<Answer["body"][]> {
    const answers: Answer["body"][] = [];
    for (const id of ids) answers.push(await anchored(id));
    return answers;
  }

  async function anchorsOf(digest: string) {
    const events = await on.context.projection.eventsOf(on.chain.relayer.address.toLowerCase(), {
      names: ["DigestAnchored"],
    });
    return events.filter(({ args }) => "digest" in args && args.digest === digest);
  }

  const proven = (answer: Answer["body"]) => structuredClone(answer) as unknown as ProvenUse;

  it("are pending until they are anchored together, and then each is proved by a block's hash alone", async () => {
    const twice = await issue(on, issuer, alice, { maxUsages: 2 });
    const once = await issue(on, issuer, alice);
    const ids = [await use(twice.credentialId), await use(twice.credentialId), await use(once.credentialId)];
    const { body } = await audit(ids[0]!);
    expect(body).to.include({ id: ids[0], status: "pending", step: "waiting" });
    const entry = await createUsageStore(on.context.mongo).find(`use/${ids[0]}`);
    expect(body["dueAt"]).to.equal(new Date(entry!.timestamp.getTime() + HOUR * 1000).toISOString());
    const metrics = await on.metrics();
    expect(metrics).to.match(/^cairn_unanchored_uses 3$/m);
    expect(metrics).to.match(/^cairn_oldest_unanchored_use_age_seconds [0-9.]+$/m);

    anchorEvery(1);
    const answers = await allAnchored(ids);
    expect(answers.map(({ leaf }) => [leaf.credId, leaf.useNumber, leaf.maxUsages])).to.deep.equal([
      [twice.credId, 1, 2],
      [twice.credId, 2, 2],
      [once.credId, 1, 1],
    ]);
    expect(new Set(answers.map(({ leaf }) => leaf.salt)).size).to.equal(3);
    for (const answer of answers) {
      expect(answer.anchor.identity).to.equal(on.chain.relayer.address.toLowerCase());
      const block = await on.context.chain.provider.getBlock(answer.anchor.blockNumber);
      verifyUse(proven(answer), block!.hash!);
      expect(await anchorsOf(answer.digest), "anchored exactly once").to.have.length(1);
    }
    expect(await on.metrics()).to.match(/^cairn_unanchored_uses 0$/m);
  });

  it("say neither who presented the credential nor to whom", async () => {
    anchorEvery(1);
    const { credentialId } = await issue(on, issuer, alice);
    const answer = JSON.stringify(await anchored(await use(credentialId)));
    for (const secret of [alice.wallet.address.slice(2), alice.userId, verifier.verifierId, "Verifier of secrets"]) {
      expect(answer.toLowerCase()).not.to.include(secret.toLowerCase());
    }
    expect(answer).not.to.include(credentialId);
  });

  it("fail offline verification whatever is changed in the answer, by name", async () => {
    anchorEvery(HOUR);
    const ids: string[] = [];
    for (let count = 0; count < 3; count += 1) ids.push(await use((await issue(on, issuer, alice)).credentialId));
    anchorEvery(1);
    const [other, answer] = (await allAnchored(ids)) as [Answer["body"], Answer["body"]];
    const hash = answer.anchor.blockHash as string;
    verifyUse(proven(answer), hash);
    const flip = (hex: string) => hex.slice(0, -1) + (hex.endsWith("0") ? "1" : "0");
    const mutations: [string, (claim: ProvenUse) => unknown, string][] = [
      ["salt", (claim) => (claim.leaf.salt = flip(claim.leaf.salt)), "leaf's hash"],
      ["short salt", (claim) => (claim.leaf.salt = "0x12"), "unknown form"],
      ["credential", (claim) => (claim.leaf.credId = flip(claim.leaf.credId)), "leaf's hash"],
      ["number", (claim) => (claim.leaf.useNumber += 1), "leaf's hash"],
      ["most uses", (claim) => (claim.leaf.maxUsages += 1), "leaf's hash"],
      ["time", (claim) => (claim.leaf.usedAt = new Date(0).toISOString()), "leaf's hash"],
      ["no time", (claim) => (claim.leaf.usedAt = "yesterday"), "unknown form"],
      ["leaf hash", (claim) => (claim.leafHash = flip(claim.leafHash)), "leaf's hash"],
      ["another leaf", (claim) => Object.assign(claim, { leaf: other.leaf, leafHash: other.leafHash }), "to the root"],
      ["index", (claim) => (claim.index = 0), "to the root"],
      ["index outside", (claim) => (claim.index = claim.size), "no leaf at that index"],
      ["size", (claim) => (claim.size += 1), "digest is not that of the root"],
      ["path", (claim) => (claim.path[0] = flip(claim.path[0]!)), "to the root"],
      ["no hash in the path", (claim) => (claim.path[0] = "0x"), "no hash"],
      ["short path", (claim) => claim.path.pop(), "shorter than the way"],
      ["long path", (claim) => claim.path.push(claim.root), "longer than the way"],
      ["root", (claim) => (claim.root = flip(claim.root)), "to the root"],
      ["digest", (claim) => (claim.digest = flip(claim.digest)), "digest is not that of the root"],
      ["registry", (claim) => (claim.registry = alice.wallet.address), "not of that registry"],
      ["identity", (claim) => (claim.anchor.identity = alice.wallet.address), "another identity"],
      ["sequence", (claim) => (claim.anchor.sequence += 1), "another sequence"],
      ["header", (claim) => (claim.proof.header = flip(claim.proof.header)), "not that of the block"],
      ["block number", (claim) => (claim.proof.block.number += 1), "another block number"],
      ["transaction", (claim) => (claim.proof.transactionIndex += 1), "no such transaction"],
      ["event", (claim) => (claim.proof.logIndex += 1), "no such event"],
      [
        "receipt",
        (claim) => claim.proof.receiptProof.push(flip(claim.proof.receiptProof[0]!)),
        "beyond the key's path",
      ],
      [
        "receipt's node",
        (claim) => (claim.proof.receiptProof[0] = `${claim.proof.receiptProof[0]!}00`),
        "not the one its parent names",
      ],
    ];
    for (const [what, change, says] of mutations) {
      const claim = proven(answer);
      change(claim);
      expect(() => verifyUse(claim, hash), what).to.throw(says);
    }
    expect(() => verifyUse(proven(answer), `0x${"0".repeat(64)}`)).to.throw("not that of the block");
  });

  it("are checked offline by npm run audit:verify, whose exit code is the result", async () => {
    anchorEvery(1);
    const { credentialId, credId } = await issue(on, issuer, alice);
    const answer = await anchored(await use(credentialId));
    const file = join(dataDir, "use.json");
    const verify = (body: unknown, ...args: string[]) => {
      writeFileSync(file, JSON.stringify(body));
      const script = join(__dirname, "../../../../scripts/operate/auditVerify.ts");
      return spawnSync(process.execPath, ["--require", "./scripts/typescript.cjs", script, file, ...args], {
        encoding: "utf8",
      });
    };
    const good = verify(answer, "--block-hash", answer.anchor.blockHash);
    expect(good.stdout).to.include(`use 1 of 1 of credential ${credId}`);
    expect(good.status).to.equal(0);
    const bad = verify({ ...answer, size: Number(answer.size) + 1 });
    expect(bad.stderr).to.include("does not hold");
    expect(bad.status).to.equal(1);
    expect(verify(answer, "--block-hash", `0x${"0".repeat(64)}`).status).to.equal(1);
    expect(verify({ ...answer, proof: null }).stderr).to.include("carries no proof");
    expect(verify({ id: answer.id, status: "pending", step: "mined", dueAt: null }).stderr).to.include("not anchored");
  });

  it("are proved in a block of many transactions", async () => {
    const { provider } = on.context.chain;
    const { credentialId } = await issue(on, issuer, alice);
    const id = await use(credentialId);
    await provider.send("evm_setAutomine", [false]);
    try {
      const [, , , from] = (await provider.send("eth_accounts", [])) as string[];
      for (let count = 0; count < 20; count += 1) {
        await provider.send("eth_sendTransaction", [{ from, to: from, value: "0x1" }]);
      }
      anchorEvery(1);
      await eventually("the transaction to be sent", async () => (await audit(id)).body["step"] === "submitted");
      await provider.send("evm_mine", []);
    } finally {
      await provider.send("evm_setAutomine", [true]);
    }
    const answer = await anchored(id);
    const block = await provider.getBlock(answer.anchor.blockNumber);
    expect(block!.transactions).to.have.length(21);
    verifyUse(proven(answer), block!.hash!);
  });

  it("are not anchored while the interval is 0, and say so", async () => {
    anchorEvery(0);
    const id = await use((await issue(on, issuer, alice)).credentialId);
    expect((await audit(id)).body).to.deep.equal({ id, status: "pending", step: "waiting", dueAt: null });
    anchorEvery(1);
    await anchored(id);
  });

  it("are unknown where there was none", async () => {
    expect((await audit(randomId())).body["code"]).to.equal("use.unknown");
    expect((await audit("nonsense")).body["code"]).to.equal("request.invalid");
  });

  it("lose their salt with their holder's account, before and after they are anchored; others' proofs stay", async () => {
    const bob = await newHolder(on);
    const { personalData: usage } = on.modules.verification.ports;
    const { personalData } = on.modules.audit.ports;
    const early = await use((await issue(on, issuer, bob)).credentialId, bob);
    const kept = await use((await issue(on, issuer, alice)).credentialId);
    const person = { userId: bob.userId, dids: [bob.did] };
    const exported = (await personalData.export(person)) as { anchoredUses: unknown[] };
    expect(exported.anchoredUses).to.deep.equal([]);
    anchorEvery(1);
    await anchored(early);
    const late = (await personalData.export(person)) as { anchoredUses: { verificationId: string; salt: string }[] };
    expect(late.anchoredUses.map(({ verificationId }) => verificationId)).to.deep.equal([early]);
    await personalData.erase(person);
    expect((await audit(early)).body["code"]).to.equal("use.erased");
    const answer = await anchored(kept);
    verifyUse(proven(answer), answer.anchor.blockHash);

    anchorEvery(HOUR);
    const second = await use((await issue(on, issuer, bob)).credentialId, bob);
    await usage.erase(person);
    await personalData.erase(person);
    anchorEvery(1);
    await eventually("the erased use to be batched", async () => (await audit(second)).body["code"] === "use.erased");
    const batch = await createBatchStore(on.context.mongo).findByUse(second);
    expect(batch!.leaves.find(({ verificationId }) => verificationId === second)!.salt).to.equal(null);
  });

  for (const { dies, ...death } of DEATHS) {
    it(`are each in one batch that is anchored once, when a worker dies ${dies}`, async () => {
      const ids: string[] = [];
      for (let count = 0; count < 2; count += 1) ids.push(await use((await issue(on, issuer, alice)).credentialId));
      await on.stopWorkers();
      const doomed = await startChild(on, {
        modules: ["audit"],
        works: true,
        withChain: true,
        context: { config: { useAnchors: { intervalSeconds: 1 } } },
        ...death,
        ...(death.dieAt !== undefined && { dieAtKind: "use-anchoring" }),
      });
      expect(await doomed.ended).to.equal("SIGKILL");
      anchorEvery(1);
      on.startWorkers();
      const answers = await allAnchored(ids);
      for (const answer of answers) {
        verifyUse(proven(answer), answer.anchor.blockHash);
        expect(await anchorsOf(answer.digest)).to.have.length(1);
      }
      expect(await batchesOf(ids)).to.equal(ids.length);
    });
  }

  it("wait for another transaction when theirs is lost; what is said of the lost one changes nothing then", async () => {
    const batches = createBatchStore(on.context.mongo);
    const handler = useAnchoringHandler({ batches, clock: on.context.clock });
    const now = new Date(Date.now() + HOUR * 1000);
    const salt = `0x${"11".repeat(32)}`;
    const credId = `0x${"ab".repeat(20)}${"0".repeat(24)}`;
    const leaf = {
      verificationId: randomId(),
      credentialId: randomId(),
      credId,
      useNumber: 1,
      maxUsages: 1,
      usedAt: now,
    };
    // Later than any sweep of this test, so that only the calls below move it on.
    const batch = { ...newBatch([newLeaf(leaf, salt)], now), isMarked: true };
    await batches.insert(batch);
    const report = (attempt: number) => ({
      kind: "use-anchoring",
      subject: `uses/${batch.digest}`,
      key: `uses/${batch.digest}/0x00/${attempt}`,
    });
    await handler.onBroadcast(report(1), "0xaa");
    expect((await batches.find(batch.digest))!).to.include({ state: "submitted", transactionHash: "0xaa" });
    await handler.onOutcome(report(1), { state: "lost", cause: "nonce_taken" });
    const mined = { state: "mined", transactionHash: "0xaa", blockNumber: 1, logs: [] } as const;
    await handler.onOutcome(report(1), mined);
    expect((await batches.find(batch.digest))!).to.include({ attempt: 2, transactionHash: null, blockNumber: null });
    await batches.purge(new Date(now.getTime() + 1));
    expect(await batches.find(batch.digest), "a batch that is not final outlives retention").not.to.equal(null);
    await on.context.mongo.db!.collection<{ _id: string }>("use_batches").deleteOne({ _id: batch.digest });
  });

  /** In how many places of batches these uses are. */
  async function batchesOf(ids: string[]): Promise<number> {
    const found = await on.context.mongo
      .db!.collection("use_batches")
      .find({ "leaves.verificationId": { $in: ids } })
      .toArray();
    const all = found.flatMap(({ leaves }) => leaves as { verificationId: string }[]);
    return all.filter(({ verificationId }) => ids.includes(verificationId)).length;
  }
});

describe("batches of uses", () => {
  let on: Fixture;

  before(async () => {
    on = await fixture("use-batches", { modules: [], config: { useAnchors: { intervalSeconds: HOUR } } });
  });

  after(() => on.close());

  it("hold each use once, however many workers form them at once", async () => {
    const count = MAX_LEAVES * 2 + 76;
    const usage = createUsageStore(on.context.mongo);
    const credentialId = randomId();
    const verificationIds = Array.from({ length: count }, () => randomId());
    const usedAt = new Date(Date.now() - 2 * HOUR * 1000);
    await Promise.all(
      verificationIds.map((verificationId, at) =>
        usage.append({
          id: `use/${verificationId}`,
          credentialId,
          issuer: "0x00",
          subjectDid: "did:example:holder",
          presenterId: "did:example:holder",
          signer: null,
          verifierId: "verifier",
          verifierName: "Verifier",
          verificationId,
          result: "SUCCESS",
          reason: "",
          code: null,
          ipAddress: "",
          timestamp: new Date(usedAt.getTime() + at),
        }),
      ),
    );
    const deps = {
      ...on.context,
      batches: createBatchStore(on.context.mongo),
      listUnbatchedUses: (limit: number) => listUnbatchedUses({ usage }, limit),
      markUsesBatched: (ids: string[]) => markUsesBatched({ usage }, ids),
      usesOf: () =>
        Promise.resolve([
          { credentialId, credId: `0x${"ab".repeat(20)}${"0".repeat(24)}`, maxUsages: count, verificationIds },
        ]),
    };
    const formed = (await Promise.all(Array.from({ length: 16 }, () => formBatches(deps)))).flat();
    expect(new Set(formed).size).to.equal(formed.length);
    const found = await Promise.all(formed.map((digest) => deps.batches.find(digest)));
    expect(found.map((batch) => batch!.leaves.length).sort((one, other) => one - other)).to.deep.equal([
      76,
      MAX_LEAVES,
      MAX_LEAVES,
    ]);
    const numbers = found.flatMap((batch) => batch!.leaves.map(({ useNumber }) => useNumber));
    expect(numbers.sort((one, other) => one - other)).to.deep.equal(verificationIds.map((_, at) => at + 1));
    expect(await deps.batches.unmarked()).to.deep.equal([]);
    expect(await usage.countAwaitingAnchor()).to.equal(0);
    expect(await formBatches(deps)).to.deep.equal([]);
  });
});
