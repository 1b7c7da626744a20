import type { DescMessage } from "@bufbuild/protobuf";
import { expect } from "chai";
import { importPublicKey, verifyEd25519 } from "../../../core/keys/ed25519";
import { possessionSigningBytes } from "../../../core/keys/devicePossession";
import type { SignedField } from "../../../core/signingBytes";
import {
  EventEnvelopeSchema,
  RequestEnvelopeSchema,
  ResponseEnvelopeSchema,
} from "../../../gateway/gen/cairn/gateway/v1/gateway_pb";
import { eventSigningBytes, requestSigningBytes, responseSigningBytes } from "../../../gateway/signing/envelopes";
import { COMMAND, DEVICE, EVENT, GATEWAY, POSSESSION, RESPONSE, signWith, uuid, VECTORS } from "./vectors";

type Envelope = Record<string, SignedField>;

const asEnvelope = (fields: object): Envelope => ({ ...(fields as Envelope) });

/** Everything that is signed, as a function of its fields; the types of the fields are those of `fields`. */
const SIGNED = [
  {
    what: "request",
    fields: asEnvelope(COMMAND),
    encode: requestSigningBytes,
    schema: RequestEnvelopeSchema,
    key: DEVICE,
  },
  {
    what: "response",
    fields: asEnvelope(RESPONSE),
    encode: responseSigningBytes,
    schema: ResponseEnvelopeSchema,
    key: GATEWAY,
  },
  { what: "event", fields: asEnvelope(EVENT), encode: eventSigningBytes, schema: EventEnvelopeSchema, key: GATEWAY },
  {
    what: "possession",
    fields: asEnvelope(POSSESSION),
    encode: possessionSigningBytes,
    schema: undefined,
    key: DEVICE,
  },
].map(({ encode, ...rest }) => ({ ...rest, encode: encode as unknown as (fields: Envelope) => Buffer }));

/** Every value that differs from `value` in one bit. */
function oneBitFlipped(value: SignedField): SignedField[] {
  if (typeof value === "bigint") return Array.from({ length: 64 }, (_, bit) => value ^ (1n << BigInt(bit)));
  const bytes = Buffer.from(value);
  // The highest bit of a letter would make it another number of UTF-8 bytes.
  const bitsEach = typeof value === "string" ? 7 : 8;
  return Array.from({ length: bytes.length * bitsEach }, (_, at) => {
    const flipped = Buffer.from(bytes);
    flipped.writeUInt8(
      flipped.readUInt8(Math.floor(at / bitsEach)) ^ (1 << (at % bitsEach)),
      Math.floor(at / bitsEach),
    );
    return typeof value === "string" ? flipped.toString("utf8") : flipped;
  });
}

/** The encoding of GATEWAY.md, written a second time: tag and fields, each after its length. */
function encodeByHand(tag: string, values: SignedField[]): Buffer {
  const parts = [tag, ...values].map((value) => {
    if (typeof value !== "bigint") return Buffer.from(value).toString("hex");
    return BigInt.asUintN(64, value).toString(16).padStart(16, "0");
  });
  const lengths = parts.map((hex) => (hex.length / 2).toString(16).padStart(8, "0"));
  return Buffer.from(parts.map((hex, at) => `${lengths[at] ?? ""}${hex}`).join(""), "hex");
}

function inOrderOfNumbers(schema: DescMessage): string[] {
  return [...schema.fields].sort((a, b) => a.number - b.number).map(({ localName }) => localName);
}

describe("signing bytes", () => {
  it("of the vectors' keys and ids are what the vectors say", () => {
    expect(DEVICE.raw.toString("hex")).to.equal("8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c");
    expect(GATEWAY.raw.toString("hex")).to.equal("8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394");
    expect(GATEWAY.kid).to.equal("aVBtapLd11SUVKIMGJfPzOEDuN0sXcmzJQNVT-_sKEU");
    expect([uuid(1), uuid(2)]).to.deep.equal([
      "11111111-1111-4111-8111-111111111111",
      "22222222-2222-4222-8222-222222222222",
    ]);
  });

  for (const { what, bytes, length, key, signature } of VECTORS) {
    it(`of ${what} have the published length and signature`, () => {
      expect(bytes).to.have.length(length);
      expect(signWith(key, bytes).toString("base64url")).to.equal(signature);
      const given = { key: importPublicKey(key.raw), data: bytes, signature: Buffer.from(signature, "base64url") };
      expect(verifyEd25519(given)).to.equal(true);
    });
  }

  for (const { what, fields, encode, schema, key } of SIGNED) {
    it(`of one ${what} differ, and its signature fails, for every flipped bit of every field`, () => {
      const original = encode(fields);
      const signature = signWith(key, original);
      const verifying = importPublicKey(key.raw);
      for (const [name, value] of Object.entries(fields)) {
        const flipped = oneBitFlipped(value);
        const encoded = flipped.map((changed) => encode({ ...fields, [name]: changed }).toString("hex"));
        expect(new Set([original.toString("hex"), ...encoded]).size, name).to.equal(flipped.length + 1);
        for (const hex of encoded) {
          expect(verifyEd25519({ key: verifying, data: Buffer.from(hex, "hex"), signature }), name).to.equal(false);
        }
      }
    });

    if (schema === undefined) continue;
    it(`of one ${what} hold every field of the protocol, in the order of the numbers`, () => {
      const values = inOrderOfNumbers(schema).map((name) => fields[name]!);
      expect(values).to.have.length(Object.keys(fields).length);
      expect(encode(fields).toString("hex")).to.equal(encodeByHand(`cairn.gateway.${what}.v1`, values).toString("hex"));
    });
  }

  it("tell apart where one field ends and the next begins", () => {
    const moved = { ...COMMAND, messageType: `${COMMAND.messageType}x`, protocolVersion: "v" };
    const other = { ...COMMAND, messageType: COMMAND.messageType, protocolVersion: "vx" };
    expect(requestSigningBytes(moved)).to.not.deep.equal(requestSigningBytes(other));
    const [left, right] = [
      { ...COMMAND, deviceSessionId: "ab", messageType: "c" },
      { ...COMMAND, deviceSessionId: "a", messageType: "bc" },
    ];
    expect(requestSigningBytes(left)).to.not.deep.equal(requestSigningBytes(right));
  });
});
