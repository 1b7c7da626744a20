import type { Chain } from "../client";
import { answered } from "./answered";

/** Both bits of a credential, as the chain has them now. */
export interface CredentialStatus {
  revoked: boolean;
  suspended: boolean;
}

/**
 * Reads the statuses of credentials (`credentialStatus`), in the order of their ids.
 *
 * @throws TransientError `rpc.unreachable`, `rpc.failed`
 */
export function readStatuses(chain: Pick<Chain, "didRegistry">, credIds: string[]): Promise<CredentialStatus[]> {
  return answered(Promise.all(credIds.map((credId) => readStatus(chain, credId))));
}

async function readStatus({ didRegistry }: Pick<Chain, "didRegistry">, credId: string): Promise<CredentialStatus> {
  const { revoked, suspended } = await didRegistry.credentialStatus(credId);
  return { revoked, suspended };
}
