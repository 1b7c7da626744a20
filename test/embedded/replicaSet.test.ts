import { expect } from "chai";
import { randomBytes } from "node:crypto";
import { createCredentialStore } from "../../api/credentials/store";
import type { Use } from "../../api/credentials/rules";
import { createOAuthSessionStore } from "../../api/oauth/store";
import { type Mongo, connectMongo, rawCollection } from "../../core/mongo";
import { findOnPath } from "../../embedded/findOnPath";
import { encryptionOn } from "../support/encryption";
import { type ReplicaSet, startReplicaSet } from "../support/replicaSet";

/** The whole promise is 10,000 confirmations and 100 codes: run it with CONFIRMATIONS=10000 CODES=100. */
const CONFIRMATIONS = Number(process.env["CONFIRMATIONS"] ?? "1000");
const CODES = Number(process.env["CODES"] ?? "10");
const CALLERS = 256;

const mongod = findOnPath("mongod", process.env["PATH"]);
const needed = mongod === null ? "skipped, because no mongod is on PATH: " : "";

(mongod === null ? describe.skip : describe)(`${needed}what happens once, on a replica set of three`, function () {
  this.timeout(300_000);

  let replicas: ReplicaSet;
  let mongo: Mongo;

  beforeEach(async () => {
    replicas = await startReplicaSet(mongod as string);
    mongo = await connectMongo({ uri: replicas.uri, name: "test-replica-set" });
  });

  afterEach(async () => {
    await mongo.close();
    await replicas.stop();
  });

  const disturbances: [string, (set: ReplicaSet) => Promise<void>][] = [
    ["steps down", (set) => set.stepDown()],
    ["is killed", (set) => set.killPrimary()],
  ];

  for (const [what, disturb] of disturbances) {
    it(`${CONFIRMATIONS} confirmations take a credential's one use once, while the primary ${what}`, async () => {
      const credentials = createCredentialStore(encryptionOn(mongo));
      const stored = rawCollection(mongo, "credentials");
      await stored.insertOne({ _id: "c", ...USABLE });
      const take = (caller: number) => credentials.takeUse("c", 1, useBy(caller));
      const [outcomes] = await Promise.all([callAll(CONFIRMATIONS, take), disturb(replicas)]);
      const taken = (await stored.findOne({ _id: "c" })) as unknown as { status: string; uses: Use[] };
      expect(taken).to.include({ status: "USED", usageCount: 1 });
      expect(taken.uses).to.have.length(1);
      assertOneWinner(
        outcomes,
        (outcome) => outcome,
        taken.uses[0]?.verificationId,
        (caller) => useBy(caller).verificationId,
      );
    });

    it(`${CODES} codes are redeemed once each by ${CALLERS} callers, while the primary ${what}`, async () => {
      const sessions = createOAuthSessionStore(encryptionOn(mongo));
      const stored = rawCollection(mongo, "oauth_sessions");
      const codes = Array.from({ length: CODES }, (_, i) => `code-${i}`);
      await stored.insertMany(codes.map((codeHash) => ({ _id: codeHash, codeHash, ...REDEEMABLE })));
      const tokenOf = (codeHash: string, caller: number) => `${codeHash}-token-${caller}`;
      const redeemAll = (codeHash: string) =>
        callAll(CALLERS, (caller) =>
          sessions.consumeCode({
            codeHash,
            clientId: REDEEMABLE.clientId,
            redirectUri: REDEEMABLE.request.redirectUri,
            codeChallenge: null,
            tokenHash: tokenOf(codeHash, caller),
            tokenExpiresAt: LATER,
            at: new Date(),
          }),
        );
      const [outcomes] = await Promise.all([Promise.all(codes.map(redeemAll)), disturb(replicas)]);
      for (const [i, codeHash] of codes.entries()) {
        const { tokenHash } = (await stored.findOne({ _id: codeHash })) as unknown as { tokenHash: string };
        assertOneWinner(
          outcomes[i] ?? [],
          (grant) => grant !== null,
          tokenHash,
          (caller) => tokenOf(codeHash, caller),
        );
      }
    });
  }
});

const LATER = new Date(Date.now() + 3_600_000);
const USABLE = { status: "ACTIVE", hold: null, expiresAt: LATER, usageCount: 0, uses: [], unrecorded: [] };
const REDEEMABLE = {
  clientId: "relying-party",
  status: "verified",
  consumedAt: null,
  codeExpiresAt: LATER,
  request: { redirectUri: "https://rp.example/callback", codeChallenge: null, scope: "proof" },
};

function useBy(caller: number): Use {
  return {
    verificationId: `verification-${caller}`,
    verifierId: "verifier",
    verifierName: "Verifier",
    presenterDid: "did:mychain:0x0000000000000000000000000000000000000001",
    confirmationHash: randomBytes(32).toString("hex"),
    ip: "127.0.0.1",
    usedAt: new Date(),
    block: { number: 1, hash: `0x${"0".repeat(64)}` },
  };
}

function callAll<T>(callers: number, call: (caller: number) => Promise<T>): Promise<PromiseSettledResult<T>[]> {
  return Promise.allSettled(Array.from({ length: callers }, (_, caller) => call(caller)));
}

/**
 * At most one caller was told that it won, and it is the one whose mark was stored. A caller whose connection broke may
 * have won without being told.
 */
function assertOneWinner<T>(
  outcomes: readonly PromiseSettledResult<T>[],
  won: (value: T) => boolean,
  stored: string | undefined,
  markOf: (caller: number) => string,
): void {
  const winner = outcomes.findIndex((_, caller) => markOf(caller) === stored);
  expect(winner, "the caller whose mark was stored").to.be.greaterThan(-1);
  const told = outcomes.flatMap((outcome, caller) =>
    outcome.status === "fulfilled" && won(outcome.value) ? [caller] : [],
  );
  expect(told).to.deep.equal(outcomes[winner]?.status === "fulfilled" ? [winner] : []);
}
