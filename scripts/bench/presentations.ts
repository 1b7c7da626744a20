/**
 * Measures verifications of presentations beside their cryptography: `npm run bench:presentations`, with `COUNT`
 * presentations a round and `ROUNDS` rounds. The API runs in this process with production's configuration, its limits,
 * log and metrics included; wallets post from a process of their own.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { dcqlQuery } from "../../api/presentations/dcql/query";
import { createRequest } from "../../api/presentations/requests/actions";
import { readEnvironment } from "../../core/config/environment";
import { messageOf } from "../../core/errors";
import { startServices } from "../../embedded/services";
import { runFloor } from "./presentationsFloor";
import type { LoadOptions } from "./presentationsLoad";
import { type BenchServer, startBenchServer } from "./presentationsServer";
import { type BenchPresentation, presentTo, QUERY } from "./presentationsWallet";

const COUNT = Number(process.env["COUNT"] ?? "1000");
const ROUNDS = Number(process.env["ROUNDS"] ?? "5");
const CONCURRENCY = 32;

interface Measured {
  perSecond: number;
  /** By the processor time of this process: what one core would do if it did nothing else. */
  perSecondAndCore: number;
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "cairn-bench-"));
  const services = await startServices({ dataDir: join(folder, "data"), env: readEnvironment(), persistent: false });
  try {
    const server = await startBenchServer(services, folder);
    try {
      await printRounds(server, folder);
    } finally {
      await server.close();
    }
  } finally {
    await services.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function printRounds(server: BenchServer, folder: string): Promise<void> {
  print(
    `${COUNT} presentations a round, ${CONCURRENCY} at a time; ${cpus()[0]?.model ?? "?"}, Node ${process.version}`,
  );
  const ratios: number[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const presentations = await nextPresentations(server, round);
    const { certificate } = server.signer;
    const floor = await measure(() => runAll(presentations, (one) => runFloor(certificate.publicKey, one)));
    const whole = await measure(() => submitAll(server, presentations, folder));
    const ratio = whole.perSecondAndCore / floor.perSecondAndCore;
    const name = round === 0 ? "warm-up" : `round ${round}`;
    print(`${name}: cryptography ${format(floor)} | verification ${format(whole)} | ratio ${ratio.toFixed(2)}`);
    if (round > 0) ratios.push(ratio);
  }
  const median = ratios.sort((left, right) => left - right)[Math.floor(ROUNDS / 2)];
  print(`ratio, the middle of ${ROUNDS} rounds: ${median?.toFixed(2)} (goal: at least 0.60)`);
}

/** Requests and what answers them: each of another holder, from another address. */
async function nextPresentations(server: BenchServer, round: number): Promise<BenchPresentation[]> {
  const { createDeps, verifierId, signer } = server;
  const query = dcqlQuery.parse(QUERY);
  const presentations: BenchPresentation[] = [];
  for (let place = 0; place < COUNT; place += 1) {
    const created = await createRequest(createDeps, {
      verifierId,
      query,
      flow: "cross_device",
      responseMode: "direct_post.jwt",
      redirectUri: null,
      nonce: undefined,
      browserHash: null,
    });
    const address = `10.${round}.${place >> 8}.${place & 255}`;
    presentations.push(await presentTo(created, signer, address));
  }
  return presentations;
}

async function runAll<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<number> {
  let next = 0;
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      for (let one = items[next++]; one !== undefined; one = items[next++]) await work(one);
    }),
  );
  return items.length;
}

async function submitAll(server: BenchServer, presentations: BenchPresentation[], folder: string): Promise<number> {
  const file = join(folder, "submissions.json");
  writeFileSync(file, JSON.stringify(presentations.map(({ submission }) => submission)));
  const url = `http://127.0.0.1:${server.port}/vp-submission/direct-post`;
  const options: LoadOptions = { url, file, connections: CONCURRENCY };
  const child = spawn(
    process.execPath,
    ["--require", "./scripts/typescript.cjs", join(__dirname, "presentationsLoad.ts"), JSON.stringify(options)],
    { stdio: ["ignore", "inherit", "inherit"] },
  );
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error("a response was not taken");
  return presentations.length;
}

/** @param work what is measured; how many it did */
async function measure(work: () => Promise<number>): Promise<Measured> {
  const startedMs = performance.now();
  const before = process.cpuUsage();
  const count = await work();
  const { user, system } = process.cpuUsage(before);
  const seconds = (performance.now() - startedMs) / 1000;
  return { perSecond: count / seconds, perSecondAndCore: count / ((user + system) / 1e6) };
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
