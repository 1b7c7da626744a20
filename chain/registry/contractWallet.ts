import { FunctionFragment, Interface, isError } from "ethers";
import type { Chain } from "../client";
import { answered, asTransient } from "./answered";

const CHECK = FunctionFragment.from("function isValidSignature(bytes32 digest, bytes signature) view returns (bytes4)");
const ERC1271 = new Interface([CHECK]);

/** What a contract that approves answers (ERC-1271): the function's selector, padded to a word by the ABI. */
const APPROVAL = CHECK.selector.padEnd(66, "0");

/** A contract wallet's check may cost this much; one that wants more burns our node's time. */
const MAX_GAS = 5_000_000;

/**
 * Whether a contract wallet approves a signature (ERC-1271); false where there is no contract, and for every answer but
 * the magic value.
 *
 * @param digest 32 bytes, `0x` and 64 hexadecimal digits
 * @throws TransientError `rpc.unreachable`, `rpc.failed`
 */
export async function approvesSignature(
  { provider }: Pick<Chain, "provider">,
  claim: { walletAddress: string; digest: string; signature: string },
): Promise<boolean> {
  const { walletAddress, digest, signature } = claim;
  if ((await answered(provider.getCode(walletAddress))) === "0x") return false;
  const data = ERC1271.encodeFunctionData(CHECK, [digest, signature]);
  try {
    return (await provider.call({ to: walletAddress, data, gasLimit: MAX_GAS })) === APPROVAL;
  } catch (error) {
    if (isError(error, "CALL_EXCEPTION")) return false;
    throw asTransient(error);
  }
}
