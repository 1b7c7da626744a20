import { loadDeployment } from "../../chain/deployment";
import { systemClock } from "../../core/clock";
import { createRegistryCollections } from "../../projection/models";
import { identifyChain } from "../sync/identify";
import { holderName } from "../sync/leader";
import { renewLease } from "../sync/renewLease";
import { createLease } from "../write/lease";
import type { Term } from "../write/term";
import type { CommandDeps } from "./commandDeps";

/**
 * Runs a command that writes. It acquires the lease at once: the running leader stands by meanwhile and leads again
 * afterwards.
 */
export async function withLease(deps: CommandDeps, work: (term: Term) => Promise<number>): Promise<number> {
  const { config, mongo, source, logger } = deps;
  const { leaseSeconds } = config.indexer;
  const lease = createLease({
    collections: createRegistryCollections(mongo),
    identity: await identifyChain(source, loadDeployment(config.chain)),
    holder: holderName(),
    leaseSeconds,
    clock: systemClock,
  });
  let term: Term | null = null;
  while (term === null) term = await lease.acquire({ force: true });
  const ended = new AbortController();
  const renewing = renewLease({ logger, leaseSeconds }, term, ended);
  try {
    return await work(term);
  } finally {
    ended.abort();
    await renewing;
    await term.release();
  }
}
