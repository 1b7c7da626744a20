/** What a JSON-RPC method may do to the chain. */
export type Effect =
  /** Nothing. */
  | "reads"
  /** May mine blocks or put a transaction into the pool. */
  | "sends"
  | "mines"
  /** Changes state or settings, and is repeated at a replay as it was called. */
  | "sets"
  | "snapshots"
  | "reverts"
  | "resets"
  | "setsInterval";

const EFFECTS: Record<string, Effect> = {
  eth_sendTransaction: "sends",
  eth_sendRawTransaction: "sends",
  evm_mine: "mines",
  hardhat_mine: "mines",
  hardhat_intervalMine: "mines",
  evm_snapshot: "snapshots",
  evm_revert: "reverts",
  hardhat_reset: "resets",
  evm_setIntervalMining: "setsInterval",
  evm_increaseTime: "sets",
  hardhat_impersonateAccount: "sets",
  hardhat_stopImpersonatingAccount: "sets",
  hardhat_dropTransaction: "sets",
  hardhat_setLoggingEnabled: "reads",
};

/** What a method may do. Every `evm_set...` and `hardhat_set...` sets; what is not known only reads. */
export function effectOf(method: string): Effect {
  return EFFECTS[method] ?? (/^(evm|hardhat)_set[A-Z]/.test(method) ? "sets" : "reads");
}

/** Settings of the node rather than the chain: `evm_revert` leaves them as they are. */
export function outlivesRevert(method: string): boolean {
  return OUTLIVING.has(method);
}

const OUTLIVING = new Set([
  "evm_setAutomine",
  "evm_setIntervalMining",
  "hardhat_impersonateAccount",
  "hardhat_stopImpersonatingAccount",
  "hardhat_setMinGasPrice",
]);

/** Settings of the next block's time, spent once a block is mined. */
export function isSpentByBlock(method: string): boolean {
  return method === "evm_increaseTime" || method === "evm_setNextBlockTimestamp" || method === "hardhat_setPrevRandao";
}
