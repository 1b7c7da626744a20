import type { RegistryName } from "../../chain/registry/events";
import type { BlockRef, CheckpointDocument } from "../../projection/models";
import { callAt } from "../completeness/chainState";
import type { Source } from "../rpc/source";
import type { Report } from "./difference";

export interface AskDeps {
  source: Source;
  checkpoint: CheckpointDocument;
  /** The block at which the chain is asked. */
  at: BlockRef;
  report: Report;
}

/**
 * Calls view functions of a contract at one block.
 *
 * @param questions the encoded calls
 * @returns the encoded answers, in the same order
 * @throws TransientError when no endpoint answers
 */
export function askContract(
  { source, checkpoint, at }: AskDeps,
  contract: RegistryName,
  questions: string[],
): Promise<unknown[]> {
  const address = checkpoint.contracts[contract];
  const calls = questions.map((data) => callAt(address, data, at.hash));
  return source.ask(`the contracts' state at block ${at.number}`, (endpoint) => endpoint.callAll(calls));
}
