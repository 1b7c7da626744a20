import type { Projection } from "../../../projection/queries";
import type { IndexedRegistration } from "./rules";

/** Reads from the index where a DID was registered: null when the index has not seen that. */
export async function readIndexedRegistration(
  { projection }: { projection: Pick<Projection, "findDid"> },
  walletAddress: string,
): Promise<IndexedRegistration | null> {
  const { state, freshness } = await projection.findDid(walletAddress);
  const registration = state?.registration ?? null;
  if (registration === null || freshness === null) return null;
  const { transactionHash, blockNumber } = registration;
  return { transactionHash, blockNumber, finalized: blockNumber <= freshness.finalizedNumber };
}
