/** Measures verifications beside what they cannot do without: `npm run bench:verify`, with `COUNT` presentations a round. */
import { Wallet } from "ethers";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { createCredentialStore, type CredentialStore } from "../../api/credentials/store";
import { createAlertStore } from "../../api/verification/alerts/store";
import { type ConfirmDeps, confirm } from "../../api/verification/confirmation/actions";
import { createChainFacts } from "../../api/verification/confirmation/chainFacts";
import { verifyCredential } from "../../api/verification/confirmation/issuerSignature";
import { createVerificationStore } from "../../api/verification/store";
import { createUsageStore } from "../../api/verification/usage/store";
import { type Chain, createChain } from "../../chain/client";
import { deployContracts } from "../../chain/deploy";
import { recovery, recoverAddress } from "../../chain/signature";
import { systemClock } from "../../core/clock";
import { loadConfig } from "../../core/config/config";
import { readEnvironment } from "../../core/config/environment";
import { DEVELOPMENT_RELAYER_KEY } from "../../core/config/relayer";
import { messageOf } from "../../core/errors";
import { createBlindIndex } from "../../core/keys/blindIndex";
import { createDataKeyStore } from "../../core/keys/dataKeys";
import { createFieldCipher, type FieldCipher } from "../../core/keys/fieldCipher";
import { connectMongo, ensureIndexes, type Mongo } from "../../core/mongo";
import { type LocalServices, startServices } from "../../embedded/services";
import { runFloor, writeByDriver } from "./verifyFloor";
import { type BenchIssuer, registerIssuer } from "./verifyIssuer";
import { type Presentation, storePresentations } from "./verifyPresentations";

const COUNT = Number(process.env["COUNT"] ?? "2000");
const CONCURRENCY = 64;
const ROUNDS = 5;
const CHAIN_ID = 31337;

interface Bench {
  mongo: Mongo;
  fields: FieldCipher;
  chain: Chain;
  issuer: BenchIssuer;
  holders: Wallet[];
  credentials: CredentialStore;
  confirmDeps: ConfirmDeps;
  /** How many credentials were issued so far. */
  issued: number;
}

interface Measured {
  perSecond: number;
  /** By the processor time of this process: what one core would do if it did nothing else. */
  perSecondAndCore: number;
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "cairn-bench-"));
  const services = await startServices({ dataDir: join(folder, "data"), env: readEnvironment(), persistent: false });
  try {
    const chain = await deployAndConnect(services, folder);
    const uri = new URL(services.mongodbUri);
    uri.pathname = `/bench_${Date.now()}`;
    const mongo = await connectMongo({ uri: uri.href, name: "bench", maxPoolSize: CONCURRENCY });
    try {
      const bench = await createBench({ mongo, chain, keysDir: join(folder, "keys") });
      await printRounds(bench);
      await printParts(bench);
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

async function deployAndConnect({ rpcUrl }: LocalServices, deploymentsDir: string): Promise<Chain> {
  await deployContracts({
    rpcUrl,
    chainId: CHAIN_ID,
    deployerPrivateKey: DEVELOPMENT_RELAYER_KEY,
    didMethod: "mychain",
    deploymentsDir,
    report: () => undefined,
  });
  const environment = { RPC_URL: rpcUrl, CHAIN_ID: String(CHAIN_ID), DEPLOYMENTS_DIR: deploymentsDir };
  return createChain(loadConfig("api", environment).chain);
}

async function createBench(input: { mongo: Mongo; chain: Chain; keysDir: string }): Promise<Bench> {
  const { mongo, chain, keysDir } = input;
  const issuer = await registerIssuer(chain, keysDir);
  const { keys } = issuer;
  const fields = createFieldCipher({ keys, dataKeys: createDataKeyStore(mongo), clock: systemClock });
  const credentials = createCredentialStore({ mongo, fields, blindIndex: createBlindIndex(keys) });
  const confirmDeps: ConfirmDeps = {
    clock: systemClock,
    facts: createChainFacts(chain),
    usage: createUsageStore(mongo),
    verifications: createVerificationStore({ mongo, fields }),
    alerts: createAlertStore(mongo),
    findCredential: credentials.findToVerify,
    takeUse: credentials.takeUse,
    assertionKeys: () => Promise.resolve(issuer.assertionKeys),
    chain,
    handOver: () => undefined,
    // The holders have no accounts: nobody is told.
    appendHolderEvent: () => Promise.resolve(),
    enqueueAlert: () => undefined,
  };
  await ensureIndexes(mongo);
  const holders = Array.from({ length: COUNT }, () => new Wallet(`0x${randomBytes(32).toString("hex")}`));
  return { mongo, chain, fields, issuer, holders, credentials, confirmDeps, issued: 0 };
}

/** A new credential and verification for each holder. */
function nextPresentations(bench: Bench): Promise<Presentation[]> {
  const { holders, issued } = bench;
  bench.issued += holders.length;
  return storePresentations(bench, { holders, firstIndex: issued });
}

async function printRounds(bench: Bench): Promise<void> {
  const { mongo, issuer, confirmDeps } = bench;
  const floorDeps = { mongo, assertionKeys: issuer.assertionKeys };
  const processor = cpus()[0]?.model ?? "?";
  print(
    `${COUNT} presentations by ${COUNT} holders, ${CONCURRENCY} at a time; ${processor}, keys recovered by ${recovery}`,
  );
  const ratios: number[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    const floor = await measure(await nextPresentations(bench), (one) => runFloor(floorDeps, one));
    const whole = await measure(await nextPresentations(bench), (one) => confirm(confirmDeps, one.confirmation));
    const ratio = whole.perSecondAndCore / floor.perSecondAndCore;
    ratios.push(ratio);
    print(`round ${round}: floor ${format(floor)} | verification ${format(whole)} | ratio ${ratio.toFixed(2)}`);
  }
  const median = ratios.sort((left, right) => left - right)[Math.floor(ROUNDS / 2)];
  print(`ratio, the middle of ${ROUNDS} rounds: ${median?.toFixed(2)} (goal: at least 0.60)`);
}

/** Each part of a verification by itself, one after the other in bulk. */
async function printParts(bench: Bench): Promise<void> {
  const { mongo, issuer, credentials, confirmDeps } = bench;
  const { facts, verifications } = confirmDeps;
  const parts: [string, (one: Presentation) => Promise<unknown>][] = [
    ["verify the issuer's signature", ({ credential }) => verifyCredential(credential.jwt, issuer.assertionKeys)],
    [
      "recover the holder's key",
      ({ digest, confirmation }) => Promise.resolve(recoverAddress(digest, confirmation.signature)),
    ],
    [
      "ask the chain (shared exchanges)",
      ({ credential: { index, subjectDid } }) =>
        facts.read({ issuer: issuer.address, index, subject: subjectDid.slice(-42) }),
    ],
    ["read the verification", ({ verification }) => verifications.find(verification.verificationId)],
    ["read the credential", ({ credential }) => credentials.findToVerify(credential.credentialId)],
    ["the three writes, by the driver", (one) => writeByDriver(mongo, one)],
  ];
  print("where the time of a verification goes, in microseconds of this process:");
  const presentations = await nextPresentations(bench);
  for (const [name, work] of parts) {
    const microseconds = 1e6 / (await measure(presentations, work)).perSecondAndCore;
    print(`  ${name.padEnd(32)} ${microseconds.toFixed(0).padStart(6)}`);
  }
}

async function measure(
  presentations: Presentation[],
  work: (one: Presentation) => Promise<unknown>,
): Promise<Measured> {
  let next = 0;
  const startedMs = performance.now();
  const before = process.cpuUsage();
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      for (let one = presentations[next++]; one !== undefined; one = presentations[next++]) await work(one);
    }),
  );
  const { user, system } = process.cpuUsage(before);
  const seconds = (performance.now() - startedMs) / 1000;
  const { length } = presentations;
  return { perSecond: length / seconds, perSecondAndCore: length / ((user + system) / 1e6) };
}

function format({ perSecond, perSecondAndCore }: Measured): string {
  return `${Math.round(perSecondAndCore)}/s and core (${Math.round(perSecond)}/s here)`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
});
