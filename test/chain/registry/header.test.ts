import { expect } from "chai";
import { parseHeader } from "../../../chain/registry/header";

describe("an identity's header", () => {
  it("of zero says that nothing ever happened", () => {
    expect(Object.values(parseHeader(0n))).to.deep.equal(["self", false, false, 0, 0, 0, 0, 0, 0, 0]);
  });

  it("has each field between its neighbours, whatever they hold", () => {
    const fields = [
      ["version", 8n, 32n],
      ["controlVersion", 40n, 32n],
      ["nonceCount", 72n, 32n],
      ["anchorSequence", 104n, 32n],
      ["createdAt", 136n, 40n],
      ["updatedAt", 176n, 40n],
      ["statusSequence", 216n, 40n],
    ] as const;
    for (const [name, at, bits] of fields) {
      const full = (1n << bits) - 1n;
      const header = parseHeader(full << at);
      expect(header[name]).to.equal(Number(full));
      for (const [other] of fields) if (other !== name) expect(header[other], `${other} beside ${name}`).to.equal(0);
    }
    expect(parseHeader(0b1110n)).to.deep.include({ stage: "deactivated", registered: true, guarded: true });
  });

  it("is refused with a stage that no identity has", () => {
    expect(() => parseHeader(3n)).to.throw(RangeError, "stage 3");
  });
});
