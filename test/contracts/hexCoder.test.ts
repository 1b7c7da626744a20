import { expect } from "chai";
import { AbiCoder, ErrorFragment, EventFragment, FunctionFragment, getAddress, Interface, ParamType } from "ethers";
import fc from "fast-check";
import { DIDRegistry__factory } from "../../typechain-types";
import { hexCoderOf, sequenceCoder } from "./support/hexCoder";
import { InterfaceCodec } from "./support/interfaceCodec";

const ethersCoder = AbiCoder.defaultAbiCoder();

const hex = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((value) => `0x${Buffer.from(value).toString("hex")}`);

/** Any value of a type. */
function valueOf(type: ParamType): fc.Arbitrary<unknown> {
  const { baseType, arrayChildren, components } = type;
  if (baseType === "array" && arrayChildren) return fc.array(valueOf(arrayChildren), { maxLength: 3 });
  if (baseType === "tuple" && components) {
    return fc.record(Object.fromEntries(components.map((field) => [field.name, valueOf(field)])));
  }
  const [, kind, size = ""] = /^([a-z]+)(\d*)$/.exec(type.type) ?? [];
  if (kind === "uint") return fc.bigInt({ min: 0n, max: 2n ** BigInt(size) - 1n });
  if (kind === "address") return hex(20).map(getAddress);
  if (kind === "bool") return fc.boolean();
  if (kind === "string") return fc.string({ unit: "binary", maxLength: 80 });
  if (kind === "bytes" && size !== "") return hex(Number(size));
  return fc.uint8Array({ maxLength: 80 }).map((value) => `0x${Buffer.from(value).toString("hex")}`);
}

/** The lists of types that the registry's functions take and return, and those that its events and errors carry. */
const sequences = DIDRegistry__factory.createInterface().fragments.flatMap((fragment) => {
  if (fragment instanceof FunctionFragment) return [fragment.inputs, fragment.outputs];
  return fragment instanceof EventFragment || fragment instanceof ErrorFragment ? [fragment.inputs] : [];
});
const differentSequences = new Map(sequences.map((types) => [types.map((type) => type.format("full")).join(), types]));

describe("the coder of the random histories", () => {
  it("encodes as ethers does, and decodes what it encoded, for all that the registry's interface has", () => {
    for (const types of differentSequences.values()) {
      const coder = sequenceCoder(types);
      fc.assert(
        fc.property(fc.tuple(...types.map(valueOf)), (values) => {
          const encoded = coder.encode(values);
          expect(`0x${encoded}`).to.equal(ethersCoder.encode(types, values));
          expect(coder.decode(encoded, 0)).to.deep.equal(values);
        }),
        { numRuns: 10 },
      );
    }
  });

  it("refuses what is not a value of the type", () => {
    const encode = (type: string, value: unknown) => () => hexCoderOf(ParamType.from(type)).encode(value);
    expect(encode("uint8", 256n)).to.throw("256 is no uint8.");
    expect(encode("uint256", -1n)).to.throw("-1 is no uint256.");
    expect(encode("bytes32", "0x00")).to.throw("0x00 is no bytes32.");
    expect(encode("address", "0x00")).to.throw("0x00 is no address.");
    expect(encode("bytes", "0x0")).to.throw("0x0 is not bytes.");
    expect(() => hexCoderOf(ParamType.from("int256"))).to.throw("There is no coder for the type int256.");
  });

  it("reads an event's arguments from where they are, and an error by its name", () => {
    const abi = new Interface([
      "event Mixed(uint8 first, address indexed second, uint256[] third, bytes32 indexed fourth)",
      "error Wrong(address who, uint256[] numbers)",
    ]);
    const codec = new InterfaceCodec(abi);
    const who = getAddress(`0x${"ab".repeat(20)}`);
    const { topics, data } = abi.encodeEventLog("Mixed", [7, who, [1n, 2n], `0x${"cd".repeat(32)}`]);
    expect(codec.decodeEvent({ topics, data })).to.deep.equal({
      name: "Mixed",
      args: [7n, who, [1n, 2n], `0x${"cd".repeat(32)}`],
      fields: { first: 7n, second: who, third: [1n, 2n], fourth: `0x${"cd".repeat(32)}` },
    });
    expect(codec.errorText(abi.encodeErrorResult("Wrong", [who, [3n]]))).to.equal(`Wrong(${who.toLowerCase()}, [3])`);
    expect(() => codec.errorText("0x12345678")).to.throw("which is no error of the interface");
  });
});
