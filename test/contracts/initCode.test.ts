import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { dataLength } from "ethers";
import hre, { artifacts } from "hardhat";
import compiler from "../../contracts/compiler.json";

const INIT_CODE = join(__dirname, "..", "..", "chain", "initCode.json");
const CONTRACTS = ["DIDRegistry", "IssuerRegistry", "ERC7913P256Verifier", "ERC7913WebAuthnVerifier"];

/** EIP-170 allows 24,576 bytes; what is left is for compilers that are to come. */
const MAX_CODE_LENGTH = 24_000;

describe("the code that is deployed", () => {
  const compiled = new Map<string, string>();
  let committed: Record<string, string>;

  before(async function () {
    // Coverage compiles the contracts with counters in them.
    if ("__SOLIDITY_COVERAGE_RUNNING" in hre) this.skip();
    for (const name of CONTRACTS) compiled.set(name, (await artifacts.readArtifact(name)).bytecode);
    if (process.env["UPDATE_INIT_CODE"] === "1") {
      writeFileSync(INIT_CODE, `${JSON.stringify(Object.fromEntries(compiled), null, 2)}\n`);
    }
    committed = JSON.parse(readFileSync(INIT_CODE, "utf8")) as Record<string, string>;
  });

  for (const name of CONTRACTS) {
    it(`of ${name} is what the compiler makes: UPDATE_INIT_CODE=1 writes chain/initCode.json anew`, () => {
      // Not by equality of strings, whose difference would be printed.
      expect(committed[name] === compiled.get(name), `chain/initCode.json is of another ${name}`).to.equal(true);
    });

    it(`of ${name} has at most 24,000 bytes`, async () => {
      const { deployedBytecode } = await artifacts.readArtifact(name);
      expect(dataLength(deployedBytecode)).to.be.at.most(MAX_CODE_LENGTH);
    });
  }

  it("does not depend on comments: no hash of the sources is in it", () => {
    expect(compiler.settings.metadata).to.deep.equal({ bytecodeHash: "none" });
    // The CBOR keys under which the compiler would write the hash: "ipfs" and "bzzr1".
    for (const code of compiled.values()) expect(code).not.to.match(/64697066735822|65627a7a723158/);
  });
});
