import type { IndexIdentity, RegistryCollections } from "../../projection/models";
import type { CrashPointHook } from "../write/crashPoints";
import type { Term } from "../write/term";
import { createProjectionWriter } from "../write/writer";

export interface StartOverDeps {
  collections: RegistryCollections;
  term: Term;
  onCrashPoint: CrashPointHook;
}

/** Empties the index and makes it one of the chain as it is now. @throws LeaseLostError */
export async function startOver(deps: StartOverDeps, identity: IndexIdentity): Promise<void> {
  const { term, onCrashPoint } = deps;
  await createProjectionWriter(deps).rewind(null);
  await term.write({ ...identity, head: null, finalizedNumber: -1, verifiedNumber: -1, incompleteBlocks: [] });
  await onCrashPoint("index emptied");
}
