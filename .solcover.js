// Read by solidity-coverage: `npx hardhat coverage --testfiles "test/contracts/*.test.ts"`.
module.exports = {
  skipFiles: ["test"],
  // Few random histories: coverage asks which lines run, not whether every history holds.
  mocha: { timeout: 240_000 },
  istanbulReporter: ["text", "json-summary"],
};
