import type { Projection } from "../../projection/queries";
import type { IndexedRegistration } from "./anchoring/rules";

/**
 * Reads from the index where a DID was registered: null when the index has not seen that. `finalized` once no reorg can
 * take it back.
 */
export function registrationReader(index: Pick<Projection, "findDid">) {
  return async (walletAddress: string): Promise<(IndexedRegistration & { finalized: boolean }) | null> => {
    const { state, freshness } = await index.findDid(walletAddress);
    const created = state?.created ?? null;
    if (created === null || freshness === null) return null;
    const { transactionHash, blockNumber } = created;
    return { transactionHash, blockNumber, finalized: blockNumber <= freshness.finalizedNumber };
  };
}
