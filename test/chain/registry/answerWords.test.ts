import { expect } from "chai";
import { FunctionFragment } from "ethers";
import { didRegistryInterface, issuerRegistryInterface } from "../../../chain/registry/abi";
import { addressOf, argument, elementFieldPlace, fieldPlace, isSet, wordOf } from "../../../chain/registry/answerWords";
import { TransientError } from "../../../core/errors";

const ALICE = `0x${"a1".repeat(20)}`;
const CAROL = `0x${"ca".repeat(20)}`;
const HASH = `0x${"12".repeat(32)}`;
const record = {
  did: "did:mychain:0x01",
  documentUri: "https://a.example",
  documentHash: HASH,
  controller: CAROL,
  successor: HASH,
  version: 3,
  controlVersion: 2,
  statusSequence: 0,
  anchorSequence: 0,
  nonce: 9,
  createdAt: 2,
  updatedAt: 4,
  registered: true,
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
    const states = [ALICE, CAROL].map((issuer) => ({
      issuer,
      accredited: issuer === CAROL,
      active: true,
      revoked: false,
      suspended: true,
      valid: false,
    }));
    const answers = issuerRegistryInterface.encodeFunctionResult("credentialStates", [states]);
    const credentialStates = issuerRegistryInterface.getFunction("credentialStates");
    const [issuerAt, accreditedAt] = ["issuer", "accredited"].map((field) =>
      elementFieldPlace(credentialStates, field),
    );
    expect([0, 1].map((index) => addressOf(answers, issuerAt!(index)))).to.deep.equal([ALICE, CAROL]);
    expect([0, 1].map((index) => isSet(answers, accreditedAt!(index)))).to.deep.equal([false, true]);
    expect(() => elementFieldPlace(credentialStates, "nobody")).to.throw(RangeError);
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
