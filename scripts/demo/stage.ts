/** Where the story is played. */
export interface Stage {
  apiUrl: string;
  /** For what an operator does at a terminal, such as registering an OAuth client. */
  mongodbUri: string;
  rpcUrl: string;
  chainId: number;
  didRegistryAddress: string;
  /** Where an unfinished story is remembered, so that a killed Cairn continues it. */
  dataDir: string;
}

/** One step, told as it happens. */
export interface Scene {
  title: string;
  /** What came of it, a line each. */
  outcome: string[];
  milliseconds: number;
}
