import { expect } from "chai";
import { AbiCoder, type EventFragment, type ParamType, hexlify, Interface } from "ethers";
import fc from "fast-check";
import { DID_REGISTRY_ABI, ISSUER_REGISTRY_ABI } from "../../../chain/registry/abi";
import type { RegistryName } from "../../../chain/registry/events";
import { decodeLog } from "../../../indexer/fetch/decode";
import { RpcError } from "../../../indexer/rpc/rpcError";

const interfaces = {
  DIDRegistry: new Interface(DID_REGISTRY_ABI),
  IssuerRegistry: new Interface(ISSUER_REGISTRY_ABI),
};
const events = (Object.keys(interfaces) as RegistryName[]).flatMap((registry) => {
  const found: { registry: RegistryName; fragment: EventFragment }[] = [];
  interfaces[registry].forEachEvent((fragment) => found.push({ registry, fragment }));
  return found;
});
const header = { number: 7, minedAt: new Date(1_700_000_000_000) };

/** Arguments by name: positions of words, and nonces, which are decimal. */
const WORDS = ["words", "firstWord"];
const NONCES = ["nonce", "firstNonce", "nextNonce"];

/** Values that the contracts can emit: counters fit 2^53, word positions 88 bits. */
function valueOf(param: Pick<ParamType, "name" | "type">): fc.Arbitrary<unknown> {
  if (param.type.endsWith("[]")) {
    return fc.array(valueOf({ name: param.name, type: param.type.slice(0, -2) }), { maxLength: 20 });
  }
  const bytes = (length: number) =>
    fc.uint8Array({ minLength: length, maxLength: length }).map((value) => hexlify(value));
  switch (param.type) {
    case "address":
      return bytes(20);
    case "bytes32":
      return bytes(32);
    case "string":
      return fc.string({ unit: "grapheme", maxLength: 200 });
    case "uint64":
      return fc.bigInt(0n, 2n ** 64n - 1n);
    case "uint8":
      return fc.bigInt(0n, 255n);
    default: {
      if (param.name === "masks" || NONCES.includes(param.name)) return fc.bigInt(0n, 2n ** 256n - 1n);
      if (WORDS.includes(param.name)) return fc.bigInt(0n, 2n ** 88n - 1n);
      return fc.bigInt(0n, 2n ** 53n - 1n);
    }
  }
}

/** Values of all arguments of an event; there are as many words as masks. */
function valuesOf({ inputs }: EventFragment): fc.Arbitrary<unknown[]> {
  const at = (name: string) => inputs.findIndex((input) => input.name === name);
  return fc.tuple(...inputs.map(valueOf)).map((values) => {
    const [words, masks] = [values[at("words")], values[at("masks")]];
    if (!Array.isArray(words) || !Array.isArray(masks)) return values;
    const count = Math.min(words.length, masks.length);
    return values.map((value) => (Array.isArray(value) ? value.slice(0, count) : value));
  });
}

/** What ethers decoded, in the forms of `EventArguments`. */
function plain(param: Pick<ParamType, "name" | "type">, value: unknown): unknown {
  if (param.type.endsWith("[]")) {
    const inner = { name: param.name, type: param.type.slice(0, -2) };
    return (value as unknown[]).map((one) => plain(inner, one));
  }
  if (param.type === "address") return String(value).toLowerCase();
  if (typeof value !== "bigint") return value;
  if (param.name === "masks") return `0x${value.toString(16).padStart(64, "0")}`;
  if (WORDS.includes(param.name)) return value.toString(16).padStart(22, "0");
  return param.name === "expiresAt" || NONCES.includes(param.name) ? value.toString() : Number(value);
}

function logOf(fragment: EventFragment, values: unknown[]) {
  const coder = AbiCoder.defaultAbiCoder();
  const indexed = fragment.inputs.flatMap((param, at) =>
    param.indexed ? [coder.encode([param.type], [values[at]])] : [],
  );
  const plainParams = fragment.inputs.map((param, at) => ({ param, at })).filter(({ param }) => !param.indexed);
  const data = coder.encode(
    plainParams.map(({ param }) => param.type),
    plainParams.map(({ at }) => values[at]),
  );
  return {
    address: `0x${"11".repeat(20)}`,
    topics: [fragment.topicHash, ...indexed],
    data,
    blockNumber: "0x7",
    blockHash: `0x${"22".repeat(32)}`,
    transactionHash: `0x${"33".repeat(32)}`,
    logIndex: "0x2a",
  };
}

describe("decoding", () => {
  for (const { registry, fragment } of events) {
    it(`decodes ${registry}.${fragment.name} as ethers does, whatever its values`, () => {
      fc.assert(
        fc.property(valuesOf(fragment), (values) => {
          const log = logOf(fragment, values);
          const decoded = decodeLog(registry, log, header);
          const theirs = interfaces[registry].decodeEventLog(fragment, log.data, log.topics);
          const expected = Object.fromEntries(
            fragment.inputs.map((param, at) => [param.name, plain(param, theirs[at])]),
          );
          expect(decoded).to.deep.include({ registry, name: fragment.name, blockNumber: 7, logIndex: 42 });
          expect(decoded.args).to.deep.equal(expected);
        }),
        { numRuns: 300 },
      );
    });

    if (fragment.inputs.every(({ indexed }) => indexed)) continue;
    it(`rejects ${registry}.${fragment.name} when its data ends early, rather than invent values`, () => {
      fc.assert(
        fc.property(valuesOf(fragment), fc.nat(), (values, cut) => {
          const log = logOf(fragment, values);
          const words = (log.data.length - 2) / 64;
          const short = { ...log, data: log.data.slice(0, 2 + (cut % words) * 64) };
          // What still decodes lost nothing: an empty text at the end has no words of its own.
          try {
            const decoded = decodeLog(registry, short, header);
            expect(decoded.args).to.deep.equal(decodeLog(registry, log, header).args);
          } catch (error) {
            expect(error).to.be.instanceOf(RpcError);
          }
        }),
        { numRuns: 100 },
      );
    });
  }

  it("decodes text that is not UTF-8 without failing: a holder may put any bytes there", () => {
    const fragment = interfaces.IssuerRegistry.getEvent("IssuerAccredited")!;
    const log = logOf(fragment, [`0x${"44".repeat(20)}`, "ab", 1n]);
    const altered = { ...log, data: log.data.replace("6162", "ff61") };
    const { args } = decodeLog("IssuerRegistry", altered, header);
    expect(args).to.deep.include({ metadataUri: "\ufffda" });
  });

  it("rejects masks that do not pair with words: the contract emits none", () => {
    const fragment = interfaces.DIDRegistry.getEvent("RevocationMasksSet")!;
    const log = logOf(fragment, [`0x${"44".repeat(20)}`, [1n, 2n], [3n], 1n]);
    expect(() => decodeLog("DIDRegistry", log, header)).to.throw(RpcError, "1 masks for 2 words");
  });

  it("rejects an event that the contract does not have", () => {
    const log = logOf(interfaces.IssuerRegistry.getEvent("IssuerAccredited")!, [`0x${"44".repeat(20)}`, "ab", 1n]);
    expect(() => decodeLog("DIDRegistry", log, header)).to.throw(RpcError, "has no event");
  });
});
