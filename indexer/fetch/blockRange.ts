import type { RegistryName } from "../../chain/registry/events";
import type { IncompleteBlock } from "../../projection/models";
import type { Header, RawLog } from "../rpc/block";

/** The contracts whose logs are fetched: their names by address in lower case. */
export type Contracts = ReadonlyMap<string, RegistryName>;

/** Consecutive blocks and all logs of the contracts in them, checked against each other. */
export interface BlockRange {
  headers: Header[];
  /** In the order of the chain. */
  logs: RawLog[];
  /** How many logs the node had left out of its first answer. */
  repaired: number;
}

export interface FetchOptions {
  contracts: Contracts;
  /** Compare each block's bloom filter with the logs received; only a benchmark leaves this out. */
  verify?: boolean;
  /** The node makes blocks that are not linked; see {@link requireLinked}. */
  unlinked?: boolean;
  /** Called with a block whose logs nothing proves complete; without it, such a block is an RpcError. */
  onIncomplete?: (block: IncompleteBlock) => void;
}
