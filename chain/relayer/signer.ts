import { Wallet, keccak256 } from "ethers";
import type { Clock } from "../../core/clock";
import type { Fees } from "./fees";
import type { Attempt, Call } from "./transaction";

/** The holder of the relayer's key. */
export interface Signer {
  address: string;
  /** Signs one attempt. A cancellation pays the relayer itself nothing: it only uses up the nonce. */
  sign(options: { call: Call; nonce: number; gasLimit: bigint; fees: Fees; cancellation: boolean }): Promise<Attempt>;
}

/** Gas of a transfer without data. */
export const CANCELLATION_GAS = 21_000n;

/** Makes the signer of a key. */
export function createSigner(options: { privateKey: string; chainId: number; clock: Clock }): Signer {
  const wallet = new Wallet(options.privateKey);
  return {
    address: wallet.address.toLowerCase(),
    async sign({ call, nonce, gasLimit, fees, cancellation }) {
      const bid =
        fees.market === "eip1559"
          ? { type: 2, maxFeePerGas: fees.maxFeePerGas, maxPriorityFeePerGas: fees.maxPriorityFeePerGas }
          : { type: 0, gasPrice: fees.gasPrice };
      const what = cancellation
        ? { to: wallet.address, data: "0x", gasLimit: CANCELLATION_GAS }
        : { ...call, gasLimit };
      const raw = await wallet.signTransaction({ ...what, ...bid, nonce, chainId: options.chainId, value: 0n });
      return {
        hash: keccak256(raw),
        raw,
        market: fees.market,
        maxFeePerGas: (fees.market === "eip1559" ? fees.maxFeePerGas : fees.gasPrice).toString(),
        ...(fees.market === "eip1559" && { maxPriorityFeePerGas: fees.maxPriorityFeePerGas.toString() }),
        cancellation,
        signedAt: options.clock.now(),
      };
    },
  };
}
