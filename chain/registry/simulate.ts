import type { Chain } from "../client";
import { asTransient } from "./answered";
import { readRevert, type Revert } from "./reverts";

/**
 * Asks the chain what a call of the registry would do in the next block, without sending it.
 *
 * @param gasLimit what the call may cost; a contract that signs could otherwise spend without bound
 * @returns why it would revert; null when it would not
 * @throws TransientError `rpc.unreachable`, `rpc.failed`
 */
export async function simulateCall(
  { provider }: Pick<Chain, "provider">,
  { to, data, gasLimit }: { to: string; data: string; gasLimit: bigint },
): Promise<Revert | null> {
  try {
    await provider.call({ to, data, gasLimit });
    return null;
  } catch (error) {
    const revert = readRevert(error);
    if (revert === undefined) throw asTransient(error);
    return revert;
  }
}
