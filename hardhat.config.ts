import { join } from "node:path";
import "@nomicfoundation/hardhat-toolbox";
import { TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD } from "hardhat/builtin-tasks/task-names";
import { type HardhatUserConfig, subtask } from "hardhat/config";
import type { SolcBuild } from "hardhat/types";
import solcPackage from "solc/package.json";
// Apart, because its hash and that of the sources decide whether typechain-types/ is current. Through the intermediate
// representation, and for many runs: against the direct way with 10,000 runs, this makes a revocation about 100 gas
// cheaper and a registration 4,000.
import compiler from "./contracts/compiler.json";

// The compiler comes from the npm package `solc`, so that compiling needs no download beyond npm ci.
subtask(TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD, async ({ solcVersion }: { solcVersion: string }): Promise<SolcBuild> => {
  if (solcVersion !== solcPackage.version) {
    throw new Error(
      `Solidity ${solcVersion} is asked for, but package.json pins solc ${solcPackage.version}: make them equal.`,
    );
  }
  const solc = (await import("solc")) as unknown as { default: { version(): string } };
  return {
    version: solcVersion,
    longVersion: solc.default.version(),
    compilerPath: join(__dirname, "node_modules", "solc", "soljson.js"),
    isSolcJs: true,
  };
});

/** Coverage compiles the contracts with counters in them: nothing else may ever see that code. */
const MEASURING_COVERAGE = process.argv.includes("coverage");

const config: HardhatUserConfig = {
  solidity: compiler,
  networks: {
    // A zero base fee and a high block limit: a long run must not stop mining because fees rose.
    hardhat: { chainId: 31337, blockGasLimit: 1_000_000_000, initialBaseFeePerGas: 0 },
  },
  // Not typechain-types/ itself, which is committed: scripts/launch/contracts.cjs renews it when the contracts changed.
  typechain: { outDir: MEASURING_COVERAGE ? "coverage/typechain-types" : "cache/typechain-types", target: "ethers-v6" },
  mocha: { timeout: 120_000 },
};

export default config;
