import { loadDeployment } from "../../chain/deployment";
import { repair } from "../audit/repair";
import { contractsOf } from "../sync/identify";
import type { Term } from "../write/term";
import type { CommandDeps } from "./commandDeps";
import { count, describeDifference } from "./wording";

/** Repairs the index and prints each difference. Returns 0 when none is left, otherwise 1. */
export async function repairIndex(deps: CommandDeps, term: Term): Promise<number> {
  const { mongo, source, config, logger, print } = deps;
  const { repaired, left } = await repair({
    mongo,
    source,
    contracts: contractsOf(loadDeployment(config.chain)),
    logger,
    term,
    report: (difference) => print(describeDifference(difference)),
  });
  const done = repaired === 0 ? "nothing to repair" : `repaired ${count(repaired, "difference")}`;
  print(`${done}; ${left === 0 ? "index and chain agree" : `${count(left, "difference")} left, repair again`}`);
  return left === 0 ? 0 : 1;
}
