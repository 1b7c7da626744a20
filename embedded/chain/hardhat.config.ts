import { join } from "node:path";
import type { HardhatUserConfig } from "hardhat/config";
import { DEVELOPMENT_BALANCE, DEVELOPMENT_KEYS } from "./accounts";

// The configuration of the node alone. It loads no plugin, so that the node is up in about a second; the root's
// configuration compiles and tests. The network settings of both must agree.
const config: HardhatUserConfig = {
  solidity: "0.8.30",
  // Hardhat creates nothing there; the root's artifacts would only slow the start.
  paths: { root: __dirname, artifacts: join(__dirname, "no-artifacts"), cache: join(__dirname, "no-cache") },
  networks: {
    // A zero base fee and a high block limit: a long run must not stop mining because fees rose.
    hardhat: {
      chainId: 31337,
      blockGasLimit: 1_000_000_000,
      initialBaseFeePerGas: 0,
      loggingEnabled: false,
      accounts: DEVELOPMENT_KEYS.map((privateKey) => ({ privateKey, balance: DEVELOPMENT_BALANCE })),
    },
  },
};

export default config;
