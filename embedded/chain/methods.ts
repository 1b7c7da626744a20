/** What a JSON-RPC method may do to the chain. */
export type Effect =
  /** Nothing. */
  | "reads"
  /** May mine blocks or put a transaction into the pool. */
  | "sends"
  | "mines"
  /** Changes state or settings; a replay repeats the call. */
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

/** What a method may do. Every `evm_set...` and `hardhat_set...` sets; unknown methods only read. */
export function effectOf(method: string): Effect {
  return EFFECTS[method] ?? (/^(evm|hardhat)_set[A-Z]/.test(method) ? "sets" : "reads");
}

/** Whether `evm_revert` leaves the setting as it is: it belongs to the node, not to the chain. */
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

/** Whether the setting is for the next block alone. */
export function isSpentByBlock(method: string): boolean {
  return method === "evm_increaseTime" || method === "evm_setNextBlockTimestamp" || method === "hardhat_setPrevRandao";
}
