import { isError } from "ethers";
import { didRegistryInterface } from "./abi";

/** Why the DIDRegistry reverted. */
export interface Revert {
  /** The contract's custom error; null when the node gave no data. */
  name: string | null;
  /** The error with its arguments, `Name(argument, ...)`; null when the node gave no data. */
  description: string | null;
}

/** Reads from an error of the provider with what the DIDRegistry reverted; undefined when the error is no revert. */
export function readRevert(error: unknown): Revert | undefined {
  if (!isError(error, "CALL_EXCEPTION")) return undefined;
  const parsed = error.data ? didRegistryInterface.parseError(error.data) : null;
  if (parsed === null) return { name: null, description: null };
  return { name: parsed.name, description: `${parsed.name}(${parsed.args.map(String).join(", ")})` };
}
