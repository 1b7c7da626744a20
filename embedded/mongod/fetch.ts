// Finds the mongod that mongodb-memory-server has cached, or downloads it. A process of its own, because that library
// reads its settings from the environment, writes progress to standard output and cannot be interrupted.
//
//   node --require ./scripts/typescript.cjs embedded/mongod/fetch.ts [--download]
//
// Prints one line of JSON: {"path": "..."} or {"path": null, "why": "..."}.
import { DryMongoBinary, MongoBinary } from "mongodb-memory-server-core";
import { MongoBinaryDownloadUrl } from "mongodb-memory-server-core/lib/util/MongoBinaryDownloadUrl";
import { messageOf } from "../../core/errors";

const PROBE_TIMEOUT_MS = 2_500;

interface Found {
  path: string | null;
  why?: string;
}

async function find(mayDownload: boolean): Promise<Found> {
  const options = await DryMongoBinary.generateOptions();
  const cached = await DryMongoBinary.locateBinary(options);
  if (cached !== undefined) return { path: cached };
  if (!mayDownload) return { path: null, why: "none is cached" };
  // Whether the network reaches the download at all; the download itself would try for minutes.
  const url = await new MongoBinaryDownloadUrl(options).getDownloadUrl();
  const probe = await fetch(url, { method: "HEAD", signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
  if (!probe.ok) return { path: null, why: `${new URL(url).host} answers ${probe.status}` };
  process.stdout.write(`${JSON.stringify({ downloading: url })}\n`);
  return { path: await MongoBinary.getPath() };
}

find(process.argv.includes("--download"))
  .catch((error: unknown): Found => ({ path: null, why: messageOf(error) }))
  .then((found) => process.stdout.write(`\n${JSON.stringify(found)}\n`, () => process.exit(0)))
  .catch(() => process.exit(1));
