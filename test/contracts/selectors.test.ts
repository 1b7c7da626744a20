import { expect } from "chai";
import { FunctionFragment } from "ethers";
import { DIDRegistry__factory } from "../../typechain-types";

/**
 * How many functions the registry compares a call's selector with before it finds the right one. The compiler orders
 * them by selector and compares one after the other (solidity #12688): each costs 22 gas.
 */
const RANKS: Record<string, number> = {
  setCredentialStatus: 16,
  setStatus: 20,
  setStatusWithConsent: 12,
  setStatusWords: 14,
  setStatusMasks: 32,
  registerDID: 9,
  registerDIDWithConsent: 23,
  registerManyWithConsent: 21,
  changeController: 5,
  rotateController: 2,
  anchorDigest: 17,
};

describe("the selectors of the registry", () => {
  const names = DIDRegistry__factory.createInterface()
    .fragments.filter((fragment) => FunctionFragment.isFragment(fragment))
    .sort((a, b) => (a.selector < b.selector ? -1 : 1))
    .map(({ name }) => name);

  it("are 43, each of a function with a name of its own", () => {
    expect(names).to.have.length(43);
    expect(new Set(names).size).to.equal(43);
  });

  for (const [name, rank] of Object.entries(RANKS)) {
    it(`let ${name} be found after ${rank} others: a function added before it makes it 22 gas dearer`, () => {
      expect(names.indexOf(name)).to.equal(rank);
    });
  }
});
