import type { Chain } from "../client";
import { answered } from "./answered";

/** What the chain says of a credential now. Revoked is final, whatever `suspended` says. */
export interface CredentialStatus {
  revoked: boolean;
  suspended: boolean;
}

/**
 * Reads the statuses of credentials (`credentialStates`), in the order of their ids.
 *
 * @throws TransientError `rpc.unreachable`, `rpc.failed`
 */
export async function readStatuses(
  { didRegistry }: Pick<Chain, "didRegistry">,
  credIds: string[],
): Promise<CredentialStatus[]> {
  const states = await answered(didRegistry.credentialStates(credIds));
  return states.map(({ revoked, suspended }) => ({ revoked, suspended }));
}
