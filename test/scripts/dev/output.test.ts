import { expect } from "chai";
import { processLine, stepLines } from "../../../scripts/dev/output";
import { wrapLine } from "../../../scripts/dev/wrap";

const ADDRESS = `0x${"aB".repeat(20)}`;

describe("what npm start prints", () => {
  it("fits into 80 columns, every word of it", () => {
    const lines = [
      `ERC7913WebAuthnVerifier deployed at ${ADDRESS} in block 6`,
      "API on port 3000, described at http://localhost:3000/docs",
      `Worker anchors as relayer ${ADDRESS}`,
      "warn: waiting for the chain: No endpoint gave its newest block: the endpoint cannot be reached\n  at once",
    ];
    for (const line of lines) {
      const printed = processLine("contracts", line, 80);
      for (const part of printed.split("\n")) expect(part.length, part).to.be.at.most(80);
      const words = (text: string) => text.split(/\s+/).filter((word) => word !== "");
      expect(words(printed)).to.deep.equal(["contracts", ...words(line)]);
    }
  });

  it("keeps an address whole, however narrow the terminal is", () => {
    expect(wrapLine(`  at ${ADDRESS} now`, 20)).to.deep.equal(["  at", `  ${ADDRESS}`, "  now"]);
    expect(wrapLine("short", 20)).to.deep.equal(["short"]);
  });

  it("breaks what came of a step below its title", () => {
    const outcome = [`the issuer ${ADDRESS} signs a credential that says that Alice is over eighteen`];
    const lines = stepLines({ title: "A step", outcome, milliseconds: 1 }, 3, 80).split("\n");
    expect(lines).to.have.length(3);
    for (const line of lines) expect(line.length, line).to.be.at.most(80);
    expect(lines[2]).to.match(/^ {5}\S/);
  });
});
