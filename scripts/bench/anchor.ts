/**
 * Measures what it costs to anchor wallets singly and together: `npm run bench:anchor`, with `COUNT` wallets a round. Both
 * ways alternate in one run, on the same worker, database and chain.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { deployContracts } from "../../chain/deploy";
import { loadConfig } from "../../core/config/config";
import { readEnvironment } from "../../core/config/environment";
import { DEVELOPMENT_RELAYER_KEY } from "../../core/config/relayer";
import { messageOf } from "../../core/errors";
import { startServices } from "../../embedded/services";
import { type AnchoringBench, anchorRound, closeBench, createBench, type Round } from "./anchorRound";

const COUNT = Number(process.env["COUNT"] ?? "100");
const ROUNDS = 3;
const LONE = 21;
const CHAIN_ID = 31337;

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "cairn-bench-"));
  const services = await startServices({ dataDir: join(folder, "data"), env: readEnvironment(), persistent: false });
  try {
    const deploymentsDir = join(folder, "deployments");
    await deployContracts({
      rpcUrl: services.rpcUrl,
      chainId: CHAIN_ID,
      deployerPrivateKey: DEVELOPMENT_RELAYER_KEY,
      didMethod: "mychain",
      deploymentsDir,
      report: () => undefined,
    });
    const database = new URL(services.mongodbUri);
    const name = `bench-${randomBytes(4).toString("hex")}`;
    database.pathname = `/${name}`;
    const config = loadConfig("worker", {
      NODE_ENV: "test",
      LOG_LEVEL: "silent",
      MONGODB_URI: database.href,
      REDIS_URL: services.redisUrl,
      REDIS_PREFIX: name,
      RPC_URL: services.rpcUrl,
      CHAIN_ID: String(CHAIN_ID),
      DEPLOYMENTS_DIR: deploymentsDir,
      KEYSTORE_DIR: join(folder, "keys"),
    });
    const bench = await createBench(config);
    try {
      await printRounds(bench);
    } finally {
      await closeBench(bench);
    }
  } finally {
    await services.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function printRounds(bench: AnchoringBench): Promise<void> {
  const [processor] = cpus();
  console.log(`${process.version}, ${cpus().length} x ${processor?.model ?? "unknown processor"}`);
  console.log(`${COUNT} wallets a round\n`);
  console.log("way       transactions  gas an identity  seconds");
  const singly: Round[] = [];
  const together: Round[] = [];
  await anchorRound(bench, { count: 8, alone: false });
  for (let round = 0; round < ROUNDS; round += 1) {
    singly.push(print("singly", await anchorRound(bench, { count: COUNT, alone: true })));
    together.push(print("together", await anchorRound(bench, { count: COUNT, alone: false })));
  }
  const saved = 1 - average(together, "gas") / average(singly, "gas");
  const faster = average(singly, "seconds") / average(together, "seconds");
  console.log(`\ntogether: ${(saved * 100).toFixed(1)} % less gas, ${faster.toFixed(1)} times as fast`);

  const batching: Round[] = [];
  const apart: Round[] = [];
  for (let wallet = 0; wallet < LONE; wallet += 1) {
    apart.push(await anchorRound(bench, { count: 1, alone: true }));
    batching.push(await anchorRound(bench, { count: 1, alone: false }));
  }
  console.log(`one wallet, nobody else waiting (medians of ${LONE}): ${medianMs(batching)} ms`);
  console.log(`the same, kept out of batches: ${medianMs(apart)} ms`);
}

function medianMs(rounds: Round[]): string {
  const times = rounds.map(({ seconds }) => seconds * 1000).sort((left, right) => left - right);
  return (times[Math.floor(times.length / 2)] ?? Number.NaN).toFixed(0);
}

function print(way: string, round: Round): Round {
  const figures = [
    String(round.transactions).padStart(12),
    Math.round(round.gas).toString().padStart(17),
    round.seconds.toFixed(2).padStart(9),
  ];
  console.log(`${way.padEnd(10)}${figures.join("")}`);
  return round;
}

function average(rounds: Round[], figure: keyof Round): number {
  return rounds.reduce((sum, round) => sum + round[figure], 0) / rounds.length;
}

main().catch((error: unknown) => {
  console.error(messageOf(error));
  process.exitCode = 1;
});
