import { expect } from "chai";
import { FunctionFragment } from "ethers";
import { didRegistryInterface, issuerRegistryInterface } from "../../../chain/registry/abi";
import { addressOf, argument, fieldPlace, FIRST_ELEMENT, isSet, wordOf } from "../../../chain/registry/answerWords";
import { TransientError } from "../../../core/errors";

const CAROL = `0x${"ca".repeat(20)}`;
const HASH = `0x${"12".repeat(32)}`;
const record = {
  did: "did:mychain:0x01",
  documentUri: "https://a.example",
  documentHash: HASH,
  controller: CAROL,
  version: 3,
  statusSequence: 0,
  nonce: 9,
  createdBlock: 1,
  createdAt: 2,
  updatedBlock: 3,
  updatedAt: 4,
  active: false,
};

describe("the words of a contract's answer", () => {
  const resolveDID = didRegistryInterface.getFunction("resolveDID");
  const answer = didRegistryInterface.encodeFunctionResult("resolveDID", [record]);
  const place = (field: string) => fieldPlace(resolveDID, field);

  it("are found by the names of the struct's fields", () => {
    expect(wordOf(answer, place("documentHash"))).to.equal(HASH);
    expect(addressOf(answer, place("controller"))).to.equal(CAROL);
    expect(Number(wordOf(answer, place("nonce")))).to.equal(9);
    expect(isSet(answer, place("version"))).to.equal(true);
    expect(isSet(answer, place("active"))).to.equal(false);
  });

  it("are found in a list, and in a struct of fixed length", () => {
    const words = didRegistryInterface.encodeFunctionResult("statusWords", [[7n]]);
    expect(Number(wordOf(words, FIRST_ELEMENT))).to.equal(7);
    const fixed = FunctionFragment.from("function f() view returns ((address a, uint256 b) s)");
    expect(fieldPlace(fixed, "b")).to.equal(1);
  });

  it("are not guessed: of a field that is not there, or stands behind one of several words", () => {
    expect(() => place("nobody")).to.throw(RangeError);
    const wide = FunctionFragment.from("function f() view returns ((uint256[2] a, uint256 b) s)");
    expect(() => fieldPlace(wide, "b")).to.throw(RangeError);
    expect(() => wordOf("0x", 0)).to.throw(TransientError, "shorter");
  });

  it("take arguments as the ABI pads them", () => {
    const { selector } = issuerRegistryInterface.getFunction("isAccredited");
    expect(selector + argument(CAROL)).to.equal(issuerRegistryInterface.encodeFunctionData("isAccredited", [CAROL]));
    expect(argument(255n)).to.equal("ff".padStart(64, "0"));
  });
});
