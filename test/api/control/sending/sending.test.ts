import { expect } from "chai";
import { toBeHex, Wallet } from "ethers";
import type { ControlOperation } from "../../../../api/control/rules";
import { requestOf } from "../../../../api/control/sending/actions";
import { createOperationStore } from "../../../../api/control/store";
import type { RelayStep } from "../../../../chain/relayer/deps";
import { successorCommitment } from "../../../../chain/registry/successor";
import type { Answer } from "../../../support/ask";
import {
  askTypedData,
  newController,
  newSuccessor,
  prepare,
  prepareNaming,
  prepareRotation,
  registryAs,
  type TestController,
  untilOperation,
} from "../../../support/controlActors";
import { eventually } from "../../../support/eventually";
import { type Fixture, fixture } from "../../../support/fixture";
import { queuedJobs } from "../../../support/queuedJobs";
import { startChild } from "../../../support/startChild";

const STEPS: RelayStep[] = ["persisted", "broadcast", "recorded", "mined", "handled", "confirmed"];
const MODULES = ["wallets", "control"] as const;
const DAY_SECONDS = 24 * 60 * 60;

describe("an operation on its way to the chain", () => {
  let on: Fixture;
  let alice: TestController;

  before(async () => {
    on = await fixture("control-sending", { modules: [...MODULES], chain: true });
    await on.startIndexer();
  });
  after(() => on.close());
  beforeEach(async () => {
    alice = await newController(on);
  });
  afterEach(() => on.stopWorkers());

  const store = () => createOperationStore(on.context.mongo);
  const send = (path: string, body: object, token?: string): Promise<Answer> =>
    on.ask("POST", `/control/${path}`, { body, token });
  const idOf = ({ status, text, body }: Answer) => {
    expect(status, text).to.equal(202);
    return body["operationId"] as string;
  };
  /** How many transactions for an identity were ever signed: each is stored before it is sent. */
  const transactionsFor = ({ identity }: Pick<TestController, "identity">) =>
    on.context.mongo
      .collection("relayer_transactions")
      .countDocuments({ "requests.subject": new RegExp(`/${identity}/`) });
  const eventsOf = async (identity: string) => {
    const { didRegistry } = on.context.chain;
    const { SuccessorNamed, ControllerRotated } = didRegistry.filters;
    const named = await didRegistry.queryFilter(SuccessorNamed(identity));
    return { named: named.length, rotated: (await didRegistry.queryFilter(ControllerRotated(identity))).length };
  };
  /** Begins as if a process had died long ago. */
  const age = (operationId: string) =>
    on.context.mongo
      .collection<{ _id: string }>("control_operations")
      .updateOne({ _id: operationId }, { $set: { updatedAt: new Date(Date.now() - 60_000) } });

  /** Stores a naming that waits for a worker. */
  async function naming(of = alice): Promise<{ operationId: string; body: Record<string, unknown> }> {
    const body = await prepareNaming(on, of, newSuccessor(of.identity));
    return { operationId: idOf(await send("name-successor", body, of.token)), body };
  }

  /** Names a successor past the API, and stores a rotation that waits for a worker. */
  async function rotation(): Promise<string> {
    const successor = newSuccessor(alice.identity);
    const registry = await registryAs(on, alice.wallet);
    await (await registry.nameSuccessor(alice.identity, successor.commitment)).wait();
    return idOf(await send("rotate", await prepareRotation(on, alice.did, successor)));
  }

  async function noneIsPending(): Promise<void> {
    await eventually("no pending transaction", async () => (await on.startWorkers().relayer.countPending()) === 0);
  }

  it("is stored once and sent once when one consent is handed in by 16 at once", async () => {
    const body = await prepareNaming(on, alice, newSuccessor(alice.identity));
    const answers = await Promise.all(Array.from({ length: 16 }, () => send("name-successor", body, alice.token)));
    const ids = new Set(answers.map(idOf));
    expect(ids.size).to.equal(1);
    const jobs = await queuedJobs<{ operationId: string }>(on.context, "control");
    expect(jobs.filter(({ operationId }) => ids.has(operationId))).to.have.length(1);
    on.startWorkers();
    await untilOperation(on, [...ids][0]!, "final");
    expect(idOf(await send("name-successor", body, alice.token)), "handed in again").to.equal([...ids][0]);
    await noneIsPending();
    expect(await transactionsFor(alice)).to.equal(1);
    expect(await eventsOf(alice.identity)).to.deep.equal({ named: 1, rotated: 0 });
  });

  it("is one of 16 that are handed in at once for one identity", async () => {
    const bodies = [];
    for (let each = 0; each < 16; each += 1) bodies.push(await prepareNaming(on, alice, newSuccessor(alice.identity)));
    const answers = await Promise.all(bodies.map((body) => send("name-successor", body, alice.token)));
    const codes = answers.map(({ status, body }) => `${status} ${body.code}`).sort();
    expect(codes).to.deep.equal(["202 undefined", ...Array<string>(15).fill("409 control.pending")]);
    const asked = await askTypedData(on, "cancel-consents", { did: alice.did }, alice.token);
    expect(asked.body.code).to.equal("control.pending");
    on.startWorkers();
    await untilOperation(on, idOf(answers.find(({ status }) => status === 202)!), "final");
    expect(await transactionsFor(alice)).to.equal(1);
  });

  it("is found by a sweep when Redis lost its job", async () => {
    const { operationId } = await naming();
    const { redis, config } = on.context;
    for (const key of await redis.keys(`${config.redis.prefix}:*`)) await redis.del(key);
    await age(operationId);
    on.startWorkers();
    await untilOperation(on, operationId, "final");
  });

  it("is found by a sweep when the API died before it queued it", async () => {
    const body = await prepareNaming(on, alice, newSuccessor(alice.identity));
    const child = await startChild(on, {
      modules: [...MODULES],
      serves: true,
      withChain: true,
      crash: { queue: "control" },
    });
    const headers = { "content-type": "application/json", authorization: `Bearer ${alice.token}` };
    await fetch(`${child.url}/control/name-successor`, { method: "POST", headers, body: JSON.stringify(body) }).catch(
      () => undefined,
    );
    expect(await child.ended).to.equal("SIGKILL");
    const { operationId } = (await store().waiting("queued", new Date(Date.now() + 1_000), 10)).at(-1)!;
    await age(operationId);
    on.startWorkers();
    await untilOperation(on, operationId, "final");
    expect(await eventsOf(alice.identity)).to.deep.equal({ named: 1, rotated: 0 });
  });

  describe("survives kill -9 of the worker", () => {
    const kinds = {
      naming: { begin: async () => (await naming()).operationId, steps: STEPS, events: { named: 1, rotated: 0 } },
      // The same code: what differs is that the consent's nonce has no count.
      rotating: { begin: () => rotation(), steps: ["broadcast", "mined"], events: { named: 1, rotated: 1 } },
    };
    for (const [kind, { begin, steps, events }] of Object.entries(kinds)) {
      for (const dieAt of steps) {
        it(`when ${kind}, at the step "${dieAt}", without a second transaction`, async () => {
          const operationId = await begin();
          await age(operationId);
          const child = await startChild(on, { modules: [...MODULES], works: true, withChain: true, dieAt });
          expect(await child.ended).to.equal("SIGKILL");
          on.startWorkers();
          await untilOperation(on, operationId, "final");
          await noneIsPending();
          expect(await transactionsFor(alice)).to.equal(1);
          expect(await eventsOf(alice.identity)).to.deep.equal(events);
        });
      }
    }
  });

  it("fails when its time is over before it is sent, and another one can follow", async () => {
    const { operationId } = await naming();
    await on.context.mongo
      .collection<{ _id: string }>("control_operations")
      .updateOne({ _id: operationId }, { $set: { "terms.deadline": 1_700_000_000 } });
    on.startWorkers();
    const { error } = await untilOperation(on, operationId, "failed");
    expect(error.code).to.equal("control.consent_expired");
    expect(await transactionsFor(alice)).to.equal(0);
    await untilOperation(on, (await naming()).operationId, "final");
  });

  it("fails when another consent was used first, without a transaction", async () => {
    const { operationId, body } = await naming();
    const registry = await registryAs(on, alice.wallet);
    await (await registry.cancelNonces(alice.identity, `0x${"0".repeat(64)}`, 1)).wait();
    on.startWorkers();
    const { error } = await untilOperation(on, operationId, "failed");
    expect(error).to.include({ code: "control.nonce_moved" });
    expect(error.message).to.match(/Ask for new typed data/);
    expect(await transactionsFor(alice)).to.equal(0);
    expect((await send("name-successor", body, alice.token)).body.code).to.equal("control.nonce_moved");
  });

  it("is sent after all when a consent is handed in again that came to nothing, but not for ever", async () => {
    const { operationId, body } = await naming();
    const giveUp = async () => {
      const { attempt } = (await store().find(operationId))!;
      const error = { code: "control.exhausted", message: "It took too long." };
      await store().markFailed(operationId, { state: ["queued"], attempt }, error, new Date());
    };
    await giveUp();
    const answers = await Promise.all(Array.from({ length: 16 }, () => send("name-successor", body, alice.token)));
    expect(new Set(answers.map(idOf))).to.deep.equal(new Set([operationId]));
    expect((await store().find(operationId))!.attempt).to.equal(2);
    for (let attempt = 2; attempt < 5; attempt += 1) {
      await giveUp();
      idOf(await send("name-successor", body, alice.token));
    }
    await giveUp();
    const refused = await send("name-successor", body, alice.token);
    expect([refused.status, refused.body.code]).to.deep.equal([409, "control.attempts_used_up"]);
  });

  it("is requeued when the chain no longer has what was mined, and fails when the registry refuses it now", async () => {
    const { operationId } = await naming();
    const longAgo = new Date(Date.now() - DAY_SECONDS * 1000);
    await store().markMined(operationId, { transactionHash: `0x${"ab".repeat(32)}`, blockNumber: 1 }, longAgo);
    on.startWorkers();
    await untilOperation(on, operationId, "final");
    expect((await store().find(operationId))!.attempt).to.equal(2);
    await on.stopWorkers();

    const bob = await newController(on);
    const second = await naming(bob);
    const registry = await registryAs(on, bob.wallet);
    await (await registry.cancelNonces(bob.identity, `0x${"0".repeat(64)}`, 1)).wait();
    await store().markMined(second.operationId, { transactionHash: `0x${"ac".repeat(32)}`, blockNumber: 1 }, longAgo);
    on.startWorkers();
    expect((await untilOperation(on, second.operationId, "failed")).error.code).to.equal("control.nonce_moved");
  });

  it("is final by its own transaction, although control moved on before the index showed it", async () => {
    const successor = newSuccessor(alice.identity);
    const body = await prepareNaming(on, alice, successor);
    const operationId = idOf(await send("name-successor", body, alice.token));
    const registry = await registryAs(on, alice.wallet);
    const sent = await registry.nameSuccessor(alice.identity, successor.commitment);
    const receipt = await sent.wait();
    const rotated = await (
      await registryAs(on, successor.wallet)
    ).rotateController(alice.identity, successor.salt, `0x${"0".repeat(64)}`);
    await rotated.wait();
    const by = { transactionHash: sent.hash, blockNumber: receipt!.blockNumber };
    await store().markMined(operationId, by, new Date());
    on.startWorkers();
    expect(await untilOperation(on, operationId, "final")).to.include(by);
  });

  it("is not begun while the DID is being anchored, which uses the same nonce", async () => {
    const wallets = on.context.mongo.collection("user_wallets");
    const body = await prepareNaming(on, alice, newSuccessor(alice.identity));
    const set = (status: string) =>
      wallets.updateOne({ walletAddress: alice.identity }, { $set: { "anchoring.status": status } });
    for (const status of ["queued", "submitted"]) {
      await set(status);
      const answer = await send("name-successor", body, alice.token);
      expect([answer.status, answer.body.code]).to.deep.equal([409, "control.anchoring_pending"]);
    }
    await set("anchored");
    idOf(await send("name-successor", body, alice.token));
  });

  describe("costs the relayer no more than it should:", () => {
    it("10 operations a day for an identity, the controller's and the successor's apart", async () => {
      const successor = newSuccessor(alice.identity);
      const registry = await registryAs(on, alice.wallet);
      await (await registry.nameSuccessor(alice.identity, successor.commitment)).wait();
      const question = { body: { did: alice.did }, key: alice.wallet, token: alice.token };
      const body = await prepare(on, "cancel-consents", question);
      const first = idOf(await send("cancel-consents", body, alice.token));
      const earlier = (await store().find(first))!;
      await store().markFailed(first, { state: ["queued"], attempt: 1 }, { code: "x", message: "x" }, new Date());
      for (let each = 0; each < 9; each += 1) {
        const operation: ControlOperation = { ...earlier, operationId: toBeHex(each, 32), state: "failed" };
        expect(await store().insert(operation)).to.equal("inserted");
      }
      const another = await prepare(on, "cancel-consents", question);
      const consent = { ...(another["consent"] as object), deadline: earlier.terms.deadline + 1 };
      const refused = await send("cancel-consents", { ...another, consent }, alice.token);
      expect([refused.status, refused.body.code]).to.deep.equal([429, "control.budget_used_up"]);
      expect(Number(refused.headers.get("retry-after"))).to.be.within(DAY_SECONDS - 600, DAY_SECONDS);
      idOf(await send("rotate", await prepareRotation(on, alice.did, successor)));
    });

    it("nothing for a contract that burns gas instead of approving a signature", async () => {
      const contract = `0x${"b0".repeat(19)}01`;
      // JUMPDEST PUSH0 JUMP, for ever.
      await on.context.chain.provider.send("hardhat_setCode", [contract, "0x5b5f56"]);
      const salt = `0x${"01".repeat(32)}`;
      const commitment = successorCommitment({ identity: alice.identity, successor: contract, salt });
      const registry = await registryAs(on, alice.wallet);
      await (await registry.nameSuccessor(alice.identity, commitment)).wait();
      const question = { body: { did: alice.did, successor: contract, salt }, key: Wallet.createRandom() };
      const answer = await send("rotate", await prepare(on, "rotate", question));
      expect(answer.status).to.be.within(400, 499);
      expect(answer.body.code).to.match(/^control\./);
      expect(await store().isTaken(`${alice.identity}/successor`)).to.equal(false);
    });

    it("no transaction that would use more gas than its request allows", async () => {
      const { operationId } = await naming();
      const operation = (await store().find(operationId))!;
      const { relayer } = on.startWorkers();
      await untilOperation(on, operationId, "final");
      const bob = await newController(on);
      await on.stopWorkers();
      const second = (await store().find((await naming(bob)).operationId))!;
      const kept = (await relayer.find({ ...requestOf(operation) }))!;
      const request = { ...requestOf(second), call: { to: kept.to, data: kept.data }, beneficiaries: [] };
      const failed = await relayer.submit({ ...request, maxGas: 30_000n }).then(
        () => "submitted",
        () => "refused",
      );
      expect(failed).to.equal("refused");
      expect(await relayer.find(request)).to.equal(null);
      expect(BigInt(kept.gasLimit) <= 700_000n).to.equal(true);
    });
  });

  it("is counted by its state", async () => {
    expect(await on.metrics()).to.match(/cairn_control_operations\{state="final"\} [1-9]/);
  });
});
