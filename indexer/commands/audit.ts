import { loadDeployment } from "../../chain/deployment";
import { runAudit } from "../audit/audit";
import type { Difference } from "../audit/difference";
import { contractsOf } from "../sync/identify";
import type { CommandDeps } from "./commandDeps";
import { count, describeDifference } from "./wording";

/** Compares the whole index with the chain and prints each difference. Returns 0 when there is none, otherwise 1. */
export async function audit({ mongo, source, config, logger, print }: CommandDeps): Promise<number> {
  let differences = 0;
  const report = (difference: Difference) => {
    differences += 1;
    print(describeDifference(difference));
  };
  const contracts = contractsOf(loadDeployment(config.chain));
  const { blockNumber, events, documents } = await runAudit({ mongo, source, contracts, logger, report });
  const found = differences === 0 ? "no difference" : count(differences, "difference");
  // When events differ, the documents folded from them are not compared.
  const compared =
    documents > 0 ? `${count(events, "event")} and ${count(documents, "document")}` : count(events, "event");
  print(`compared ${compared} with the chain at block ${blockNumber}: ${found}`);
  return differences === 0 ? 0 : 1;
}
