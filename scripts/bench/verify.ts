import { Wallet, hashMessage } from "ethers";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { createCredentialStore } from "../../api/credentials/store";
import { credentialPayload, type Credential } from "../../api/credentials/rules";
import { createAlertStore } from "../../api/verification/alerts/store";
import { createChainFacts } from "../../api/verification/confirmation/chainFacts";
import { type ConfirmDeps, type Confirmation, confirm } from "../../api/verification/confirmation/actions";
import { verifyCredential } from "../../api/verification/confirmation/issuerSignature";
import type { Verification } from "../../api/verification/rules";
import { createVerificationStore } from "../../api/verification/store";
import { createUsageStore } from "../../api/verification/usage/store";
import { writeDocument, readAssertionKeys } from "../../api/issuers/rules";
import { createChain } from "../../chain/client";
import { systemClock } from "../../core/clock";
import { loadConfig } from "../../core/config/config";
import { readEnvironment } from "../../core/config/environment";
import { DEVELOPMENT_RELAYER_KEY } from "../../core/config/relayer";
import { sha256Hex } from "../../core/hash";
import { formatDid } from "../../chain/did/did";
import { messageOf } from "../../core/errors";
import { recovery, recoverAddress } from "../../chain/signature";
import { openFileKeyStore } from "../../core/keys/fileKeyStore";
import { signCompact, thumbprintOf } from "../../core/keys/jws";
import { connectMongo, ensureIndexes, type Mongo } from "../../core/mongo";
import { formatCredId } from "../../chain/status/credId";
import { startServices } from "../../embedded/services";
import { deployContracts } from "../../chain/deploy";

const COUNT = Number(process.env["COUNT"] ?? "2000");
const CONCURRENCY = 64;
const ROUNDS = 5;
const CHAIN_ID = 31337;
const PUBLIC_URL = "https://cairn.example";

/** One presentation that will pass, and where its parts are. */
interface Presentation {
  confirmation: Confirmation;
  verification: Verification;
  credential: Credential;
  digest: string;
}

interface Measured {
  perSecond: number;
  /** By the processor time of this process: what one core would do if it did nothing else. */
  perSecondAndCore: number;
}

/** Measures verifications beside what they cannot do without. */
async function main(): Promise<void> {
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const folder = mkdtempSync(join(tmpdir(), "cairn-bench-"));
  const services = await startServices({ dataDir: join(folder, "data"), env: readEnvironment(), persistent: false });
  try {
    const deployment = {
      rpcUrl: services.rpcUrl,
      chainId: CHAIN_ID,
      deployerPrivateKey: DEVELOPMENT_RELAYER_KEY,
      didMethod: "mychain",
    };
    await deployContracts({ ...deployment, deploymentsDir: folder, report: () => undefined });
    const chain = createChain(
      loadConfig("api", { RPC_URL: services.rpcUrl, CHAIN_ID: String(CHAIN_ID), DEPLOYMENTS_DIR: folder }).chain,
    );
    const uri = new URL(services.mongodbUri);
    uri.pathname = `/bench_${Date.now()}`;
    const mongo = await connectMongo({ uri: uri.href, name: "bench", maxPoolSize: CONCURRENCY });
    try {
      const bench = await prepare(mongo, chain, join(folder, "keys"));
      say(
        `${COUNT} presentations by ${COUNT} holders, ${CONCURRENCY} at a time; ${cpus()[0]?.model ?? "?"}, keys recovered by ${recovery}`,
      );
      const ratios: number[] = [];
      for (let round = 1; round <= ROUNDS; round += 1) {
        const floor = await measure(await bench.present(), bench.floor);
        const whole = await measure(await bench.present(), bench.verify);
        ratios.push(whole.perSecondAndCore / floor.perSecondAndCore);
        say(
          `round ${round}: floor ${shown(floor)} | verification ${shown(whole)} | ratio ${ratios.at(-1)?.toFixed(2)}`,
        );
      }
      say(
        `ratio, the middle of ${ROUNDS} rounds: ${ratios.sort()[Math.floor(ROUNDS / 2)]?.toFixed(2)} (goal: at least 0.60)`,
      );
      say("where the time of a verification goes, in microseconds of this process:");
      for (const [part, micros] of await bench.parts()) say(`  ${part.padEnd(32)} ${micros.toFixed(0).padStart(6)}`);
      await mongo.dropDatabase();
    } finally {
      await mongo.close();
      chain.close();
    }
  } finally {
    await services.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function prepare(mongo: Mongo, chain: ReturnType<typeof createChain>, keysDir: string) {
  const keys = await openFileKeyStore({ directory: keysDir, passphrase: "bench" });
  const signing = await keys.create("EdDSA");
  if (signing.publicJwk === null) throw new Error("no public key");
  const { didMethod, contracts } = chain.deployment;
  const owner = new Wallet(DEVELOPMENT_RELAYER_KEY, chain.provider);
  const issuer = owner.address.toLowerCase();
  const issuerDid = formatDid(didMethod, issuer);
  const kid = thumbprintOf(signing.publicJwk);
  const body = writeDocument({
    did: issuerDid,
    chainId: CHAIN_ID,
    address: issuer,
    keys: [{ kid, publicJwk: signing.publicJwk, withdrawnAt: null }],
  });
  const assertionKeys = readAssertionKeys(body);
  const registry = chain.didRegistry.connect(owner);
  await (
    await registry["registerDID(string,string,bytes32)"](issuerDid, "https://issuer.example", `0x${sha256Hex(body)}`)
  ).wait();
  await (await chain.issuerRegistry.connect(owner).accredit(issuer, "")).wait();

  const credentials = createCredentialStore(mongo);
  const verifications = createVerificationStore(mongo);
  const usage = createUsageStore(mongo);
  await ensureIndexes(mongo);
  const facts = createChainFacts(chain);
  const deps: ConfirmDeps = {
    clock: systemClock,
    facts,
    usage,
    verifications,
    alerts: createAlertStore(mongo),
    findCredential: credentials.find,
    takeUse: credentials.takeUse,
    assertionKeys: () => Promise.resolve(assertionKeys),
    chain,
    handOver: () => undefined,
    enqueueAlert: () => undefined,
  };

  const holders = Array.from({ length: COUNT }, () => new Wallet(`0x${randomBytes(32).toString("hex")}`));
  let index = 0;

  async function presentation(holder: Wallet): Promise<Presentation> {
    const credentialId = randomUUID();
    const verificationId = randomUUID();
    const now = new Date(Math.floor(Date.now() / 1000) * 1000);
    const expiresAt = new Date(now.getTime() + 86_400_000);
    const subjectDid = formatDid(didMethod, holder.address);
    const place = index++;
    const content = {
      credentialId,
      credId: formatCredId({ issuer, index: place }),
      issuer,
      issuerDid,
      index: place,
      subjectDid,
      expiresAt,
      type: "EducationCredential",
      schemaId: "0".repeat(64),
      claims: { degree: "BS", name: "Alice" },
      issuedAt: now,
    };
    const payload = credentialPayload(content, {
      publicUrl: PUBLIC_URL,
      chainId: CHAIN_ID,
      registry: contracts.DIDRegistry.address,
    });
    const jwt = await signCompact(
      keys,
      signing.keyId,
      { alg: "EdDSA", typ: "vc+jwt", kid: `${issuerDid}#${kid}` },
      payload,
    );
    const credential: Credential = {
      ...content,
      jwt,
      issuerName: "University",
      reference: null,
      status: "ACTIVE",
      hold: null,
      maxUsages: 1,
      usageCount: 0,
      uses: [],
      unrecorded: [],
    };
    const message = `present ${credentialId} to ACME, ${randomUUID()}`;
    const verification: Verification = {
      verificationId,
      verifierId: "v",
      verifierName: "ACME",
      credentialId,
      subjectDid,
      foreignJwt: null,
      challenge: { nonce: "n", message, digest: hashMessage(message), issuedAt: now, expiresAt },
      status: "pending",
      decision: null,
      wantsWebhook: false,
      deliveryPendingSince: null,
      createdAt: now,
    };
    const digest = hashMessage(message);
    const signature = holder.signingKey.sign(digest).serialized;
    return {
      confirmation: { verificationId, signature, presenterDid: subjectDid, ip: "127.0.0.1" },
      verification,
      credential,
      digest,
    };
  }

  /** The writes a verification cannot do without, as the driver does them by itself. */
  async function writes({
    credential: { credentialId, issuer: by, subjectDid },
    verification: { verificationId },
  }: Presentation): Promise<void> {
    const { db } = mongo;
    if (db === undefined) throw new Error("the database is closed");
    const use = {
      verificationId,
      verifierId: "v",
      verifierName: "ACME",
      presenterDid: subjectDid,
      confirmationHash: "0".repeat(64),
      usedAt: new Date(),
    };
    await db.collection<{ _id: string }>("credentials").updateOne(
      { _id: credentialId, status: "ACTIVE", usageCount: 0 },
      {
        $inc: { usageCount: 1 },
        $push: { uses: use, unrecorded: verificationId },
        $set: { status: "USED" },
      },
    );
    await db.collection<{ _id: string; [field: string]: unknown }>("credential_usage_log").insertOne({
      _id: `use/${verificationId}`,
      credentialId,
      issuer: by,
      subjectDid,
      presenterId: subjectDid,
      verifierId: "v",
      verifierName: "ACME",
      verificationId,
      result: "SUCCESS",
      reason: "",
      code: null,
      ipAddress: "127.0.0.1",
      timestamp: new Date(),
    });
    await db
      .collection<{ _id: string }>("verifications")
      .updateOne({ _id: verificationId, status: "pending" }, { $set: { status: "verified", decision: use } });
  }

  const judge = async ({ credential, confirmation, digest }: Presentation) => {
    if ((await verifyCredential(credential.jwt, assertionKeys)) === null)
      throw new Error("the credential does not verify");
    recoverAddress(digest, confirmation.signature);
  };

  return {
    /** Fresh credentials and verifications, kept and signed. */
    async present(): Promise<Presentation[]> {
      const made = await Promise.all(holders.map(presentation));
      const rename = (id: string, rest: object) => ({ _id: id, ...rest }) as never;
      await mongo.db
        ?.collection("credentials")
        .insertMany(made.map(({ credential: { credentialId, ...rest } }) => rename(credentialId, rest)));
      await mongo.db
        ?.collection("verifications")
        .insertMany(
          made.map(({ verification: { verificationId, deliveryPendingSince: _none, ...rest } }) =>
            rename(verificationId, rest),
          ),
        );
      return made;
    },
    async floor(presented: Presentation): Promise<void> {
      await judge(presented);
      await writes(presented);
    },
    async verify({ confirmation }: Presentation): Promise<void> {
      await confirm(deps, confirmation);
    },
    /** Each part by itself, one after the other in bulk. */
    async parts(): Promise<[string, number][]> {
      const presented = await this.present();
      const micros = async (work: (one: Presentation) => Promise<unknown>) =>
        1e6 / (await measure(presented, work)).perSecondAndCore;
      return [
        [
          "verify the issuer's signature",
          await micros(({ credential }) => verifyCredential(credential.jwt, assertionKeys)),
        ],
        [
          "recover the holder's key",
          await micros(({ digest, confirmation }) => Promise.resolve(recoverAddress(digest, confirmation.signature))),
        ],
        [
          "ask the chain (shared exchanges)",
          await micros(({ credential }) =>
            facts.read({ issuer, index: credential.index, subject: credential.subjectDid.slice(-42) }),
          ),
        ],
        ["read the verification", await micros(({ verification }) => verifications.find(verification.verificationId))],
        ["read the credential", await micros(({ credential }) => credentials.find(credential.credentialId))],
        ["the three writes, by the driver", await micros(writes)],
      ];
    },
  };
}

async function measure(presented: Presentation[], work: (one: Presentation) => Promise<unknown>): Promise<Measured> {
  let next = 0;
  const startedAt = performance.now();
  const before = process.cpuUsage();
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      for (let one = presented[next++]; one !== undefined; one = presented[next++]) await work(one);
    }),
  );
  const { user, system } = process.cpuUsage(before);
  const seconds = (performance.now() - startedAt) / 1000;
  return { perSecond: presented.length / seconds, perSecondAndCore: presented.length / ((user + system) / 1e6) };
}

function shown({ perSecond, perSecondAndCore }: Measured): string {
  return `${Math.round(perSecondAndCore)}/s and core (${Math.round(perSecond)}/s here)`;
}

main().catch((error: unknown) => {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
});
