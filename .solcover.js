// Read by solidity-coverage: `npx hardhat coverage --testfiles "test/contracts/*.test.ts"`.
// Few random histories: coverage asks which lines run, not whether every history holds.
process.env["CONTRACT_PROPERTY_RUNS"] ??= "40";

module.exports = {
  skipFiles: ["test"],
  mocha: { timeout: 240_000 },
  istanbulReporter: ["text", "json-summary"],
};
