import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Clock } from "../core/clock";
import type { CheckpointDocument } from "../projection/models";
import type { IndexerMetrics } from "./metrics";

/** How the index stands, as the readiness endpoint says it. */
export interface Standing {
  ready: boolean;
  /** Why not, in words; empty when ready. */
  problems: string[];
  leading: boolean;
  indexedBlock: number | null;
  headBlock: number | null;
  verifiedBlock: number | null;
  lagBlocks: number | null;
  lagSeconds: number | null;
}

/**
 * Judges a checkpoint: ready means that the index is as new as the chain, and verified, give or take `maxLagSeconds`;
 * whether some process is alive is not asked.
 */
export function judge(
  checkpoint: CheckpointDocument | null,
  { now, maxLagSeconds, leading }: { now: Date; maxLagSeconds: number; leading: boolean },
): Standing {
  const unknown = { indexedBlock: null, headBlock: null, verifiedBlock: null, lagBlocks: null, lagSeconds: null };
  if (!checkpoint?.indexed || !checkpoint.head) {
    return { ready: false, problems: ["nothing is indexed yet"], leading, ...unknown };
  }
  const { indexed, head, verifiedNumber } = checkpoint;
  const lagBlocks = Math.max(0, head.number - indexed.number);
  const secondsSince = (date: Date) => Math.max(0, (now.getTime() - date.getTime()) / 1000);
  const heardSeconds = secondsSince(head.seenAt);
  const lagSeconds = lagBlocks === 0 ? 0 : secondsSince(indexed.minedAt);
  const problems: string[] = [];
  if (lagSeconds > maxLagSeconds) problems.push(`${lagBlocks} blocks behind the chain`);
  if (heardSeconds > maxLagSeconds) problems.push(`nothing was heard from the chain for ${Math.round(heardSeconds)} s`);
  if (verifiedNumber < indexed.number && secondsSince(indexed.minedAt) > maxLagSeconds && lagBlocks === 0) {
    // Proving takes moments; an old block that is not proven yet means that something keeps it from being so.
    problems.push(`verified up to block ${verifiedNumber} only`);
  }
  return {
    ready: problems.length === 0,
    problems,
    leading,
    indexedBlock: indexed.number,
    headBlock: head.number,
    verifiedBlock: verifiedNumber,
    lagBlocks,
    lagSeconds,
  };
}

/** The indexer's own small server: `/metrics`, `/health/live`, `/health/ready`. */
export async function serveHealth(options: {
  host: string;
  port: number;
  metrics: IndexerMetrics;
  clock: Clock;
  maxLagSeconds: number;
  readCheckpoint(): Promise<CheckpointDocument | null>;
  isLeading(): Promise<boolean>;
}): Promise<{ port: number; close(): Promise<void> }> {
  const { metrics, clock, maxLagSeconds } = options;

  async function standing(): Promise<Standing> {
    const [checkpoint, leading] = await Promise.all([options.readCheckpoint(), options.isLeading()]);
    const found = judge(checkpoint, { now: clock.now(), maxLagSeconds, leading });
    metrics.lagBlocks.set(found.lagBlocks ?? 0);
    metrics.lagSeconds.set(found.lagSeconds ?? 0);
    return found;
  }

  async function answer(path: string): Promise<{ status: number; type: string; body: string }> {
    const json = (status: number, value: unknown) => ({
      status,
      type: "application/json",
      body: JSON.stringify(value),
    });
    if (path === "/health/live") return json(200, { alive: true });
    if (path === "/health/ready") {
      const found = await standing();
      return json(found.ready ? 200 : 503, found);
    }
    if (path === "/metrics") {
      await standing();
      return { status: 200, type: metrics.registry.contentType, body: await metrics.registry.metrics() };
    }
    return json(404, { error: "there is /metrics, /health/live and /health/ready" });
  }

  const server = createServer((request, response) => {
    answer((request.url ?? "/").split("?")[0] ?? "/").then(
      ({ status, type, body }) => response.writeHead(status, { "content-type": type }).end(body),
      () => response.writeHead(503).end("the index cannot be read"),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
