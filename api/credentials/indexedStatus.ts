import type { Projection } from "../../projection/queries";
import type { StatusBits } from "./rules";

/** Reads both bits of credentials as the index has them, by credId. */
export async function readIndexedStatuses(
  projection: Pick<Projection, "credentialStatus">,
  credIds: string[],
): Promise<Map<string, StatusBits>> {
  const read = async (credId: string) => [credId, await projection.credentialStatus(credId)] as const;
  return new Map(await Promise.all(credIds.map(read)));
}
