import { expect } from "chai";
import { hashMessage } from "ethers";
import { Agent, request as sendRequest } from "node:http";
import { createCredentialStore } from "../../../../api/credentials/store";
import type { Verification } from "../../../../api/verification/rules";
import { createVerificationStore } from "../../../../api/verification/store";
import { startRedis } from "../../../../embedded/startRedis";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AnswerBody } from "../../../support/ask";
import {
  answerChallenge,
  issue,
  newHolder,
  newIssuer,
  newVerifier,
  requestVerification,
  type TestHolder,
  type TestIssuer,
  type TestVerifier,
} from "../../../support/credentialActors";
import { type Fixture, fixture } from "../../../support/fixture";
import { type Child, startChild } from "../../../support/startChild";

/** The whole promise is 10,000: run it with CONFIRMATIONS=10000. */
const CONFIRMATIONS = Number(process.env["CONFIRMATIONS"] ?? "500");
const CONNECTIONS = 64;

describe(`${CONFIRMATIONS} confirmations of one credential, by ${CONNECTIONS} connections against two API processes`, function () {
  this.timeout(300_000 + CONFIRMATIONS * 60);

  let on: Fixture;
  let issuer: TestIssuer;
  let verifier: TestVerifier;
  let alice: TestHolder;

  before(async () => {
    on = await fixture("race", { modules: ["issuers", "credentials", "verification"], chain: true, workers: true });
    issuer = await newIssuer(on);
    verifier = await newVerifier(on);
    alice = await newHolder(on);
  });

  after(() => on.close());

  it("give exactly one success, everything else a recorded rejection, and no 5xx", () => race(1));

  it("give exactly five successes for a credential of five uses", () => race(5));

  it("do so while Redis is restarted", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "cairn-race-redis-"));
    const redis = await startRedis({ dataDir, persistent: false, env: { ...process.env, REDIS_URL: "" } });
    try {
      await race(1, { redisUrl: redis.url, during: () => redis.restart() });
    } finally {
      await redis.stop();
      rmSync(dataDir, { recursive: true, force: true });
    }
  });

  async function race(maxUsages: number, own: { redisUrl?: string; during?: () => Promise<void> } = {}): Promise<void> {
    const environment = {
      ...on.contextOptions.environment,
      ...(own.redisUrl !== undefined && { REDIS_URL: own.redisUrl }),
    };
    const start = () =>
      startChild(on, { modules: ["verification"], serves: true, withChain: true, context: { environment } });
    const processes = await Promise.all([start(), start()]);
    try {
      const { credentialId } = await issue(on, issuer, alice, { maxUsages });
      const bodies = await prepare(credentialId);
      const startedAt = performance.now();
      const [statuses] = await Promise.all([sendAll(processes, bodies), own.during?.()]);
      const perSecond = Math.round((1000 * bodies.length) / (performance.now() - startedAt));
      if (process.env["CONFIRMATIONS"] !== undefined)
        process.stdout.write(`      ${perSecond} confirmations/s: ${JSON.stringify(statuses)}\n`);

      expect(statuses).to.deep.equal({ 200: maxUsages, 409: CONFIRMATIONS - maxUsages });
      const credential = (await createCredentialStore(on.context).find(credentialId))!;
      expect(credential).to.include({ status: "USED", usageCount: maxUsages });
      expect(credential.uses).to.have.length(maxUsages);
      const log = on.context.mongo.db!.collection("credential_usage_log");
      expect(await log.countDocuments({ credentialId, result: "SUCCESS" })).to.equal(maxUsages);
      expect(await log.countDocuments({ credentialId, result: "ALREADY_USED" })).to.equal(CONFIRMATIONS - maxUsages);
      expect(await log.countDocuments({ credentialId })).to.equal(CONFIRMATIONS);
    } finally {
      await Promise.all(processes.map((process) => process.stop()));
    }
  }

  /** Opens verifications past HTTP, in bulk, and signs each challenge. */
  async function prepare(credentialId: string): Promise<string[]> {
    const first = await requestVerification(on, verifier, credentialId);
    const template = (await createVerificationStore(on.context).find(first.verificationId))!;
    const { verificationId: _own, ...rest } = template;
    const opened: Verification[] = Array.from({ length: CONFIRMATIONS }, (_, number) => ({
      ...rest,
      verificationId: `00000000-0000-4000-8000-${credentialId.slice(-4)}${number.toString(16).padStart(8, "0")}`,
      challenge: challengeOf(rest.challenge, number),
    }));
    const documents = opened.map(({ verificationId, ...verification }) => ({ ...verification, _id: verificationId }));
    await on.context.mongo.db!.collection<{ _id: string }>("verifications").insertMany(documents);
    return opened.map((verification) => JSON.stringify(answerChallenge(verification as unknown as AnswerBody, alice)));
  }
});

/** A challenge of its own for each. */
function challengeOf(challenge: Verification["challenge"], number: number): Verification["challenge"] {
  const message = `${challenge.message}\n${number}`;
  return { ...challenge, message, digest: hashMessage(message) };
}

/** Sends everything over a fixed number of connections, half to each process; how often each status came back. */
async function sendAll(processes: Child[], bodies: string[]): Promise<Record<number, number>> {
  const agents = processes.map(() => new Agent({ keepAlive: true, maxSockets: CONNECTIONS / processes.length }));
  const statuses: Record<number, number> = {};
  let next = 0;
  const send = (which: number, body: string) =>
    new Promise<number>((resolve, reject) => {
      const url = `${processes[which]!.url}/verify/confirm`;
      const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
      const request = sendRequest(url, { method: "POST", agent: agents[which]!, headers }, (response) => {
        response.resume().on("end", () => resolve(response.statusCode!));
      });
      request.on("error", reject).end(body);
    });
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async (_, connection) => {
      for (let body = bodies[next++]; body !== undefined; body = bodies[next++]) {
        const status = await send(connection % processes.length, body);
        statuses[status] = (statuses[status] ?? 0) + 1;
      }
    }),
  );
  for (const agent of agents) agent.destroy();
  return statuses;
}
