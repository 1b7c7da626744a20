import { deflateSync } from "node:zlib";
import { StatusList } from "@sd-jwt/jwt-status-list";
import { expect } from "chai";
import { parseJws } from "../../../../core/keys/verifyJws";
import { PresentationRejection } from "../../../../api/presentations/rejection";
import {
  MAX_LIST_BYTES,
  readStatusListEntry,
  readStatusListToken,
  requireValid,
} from "../../../../api/presentations/statuses/tokenStatusList";
import { joseKey, signJws } from "../../../support/presentations/sdJwtWallet";

const NOW = new Date("2026-05-01T12:00:00Z");
const URI = "https://issuer.example/statuslists/1";
const seconds = NOW.getTime() / 1000;

describe("a Token Status List", () => {
  for (const bits of [1, 2, 4, 8] as const) {
    it(`of ${bits} bits is read as a foreign library wrote it`, () => {
      const statuses = Array.from({ length: 100 }, (_, index) => (index * 7) % Math.min(3, 2 ** bits));
      const list = read({ status_list: { bits, lst: new StatusList(statuses, bits).compressStatusList() } });
      statuses.forEach((status, index) => {
        const expected = [null, "credential_revoked", "credential_suspended"][status];
        expect(outcomeOf(() => requireValid(list, index))).to.equal(expected);
      });
    });
  }

  it("is read as the draft's example: 1 bit, b9 and a3", () => {
    const list = read({ status_list: { bits: 1, lst: "eNrbuRgAAhcBXQ" } });
    const bits = [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1];
    const seen = bits.map((_, index) => (outcomeOf(() => requireValid(list, index)) === null ? 0 : 1));
    expect(seen).to.deep.equal(bits);
  });

  it("calls any status but 0 a reason to reject", () => {
    const list = read({ status_list: { bits: 8, lst: new StatusList([0, 3, 255], 8).compressStatusList() } });
    expect(outcomeOf(() => requireValid(list, 1))).to.equal("credential_revoked");
    expect(outcomeOf(() => requireValid(list, 2))).to.equal("credential_revoked");
  });

  it("is no pass for an index beyond its end", () => {
    const list = read({});
    expect(outcomeOf(() => requireValid(list, 8))).to.equal("status_invalid");
  });

  const refused: [string, object, object?][] = [
    ["another list's sub", { sub: "https://issuer.example/statuslists/2" }],
    ["no sub", { sub: undefined }],
    ["an exp that passed", { exp: seconds - 1 }],
    ["an iat in the future", { iat: seconds + 61 }],
    ["no iat", { iat: undefined }],
    ["a ttl of nothing", { ttl: 0 }],
    ["three bits", { status_list: { bits: 3, lst: "eNrbuRgAAhcBXQ" } }],
    ["no list", { status_list: undefined }],
    ["what is not compressed", { status_list: { bits: 1, lst: "AAAA" } }],
    ["what inflates to more than a list is", { status_list: { bits: 1, lst: bomb() } }],
    ["another typ", {}, { typ: "JWT" }],
  ];
  for (const [what, payload, header] of refused) {
    it(`is refused with ${what}`, () => {
      expect(outcomeOf(() => read(payload, header))).to.equal("status_invalid");
    });
  }

  it("may be used as long as it says, and an hour at most", () => {
    expect(read({ ttl: 60 }).usableUntil.getTime()).to.equal(NOW.getTime() + 60_000);
    expect(read({ ttl: 60, exp: seconds + 30 }).usableUntil.getTime()).to.equal(NOW.getTime() + 30_000);
    expect(read({ ttl: 1e9 }).usableUntil.getTime()).to.equal(NOW.getTime() + 3_600_000);
    expect(read({}).usableUntil.getTime()).to.equal(NOW.getTime() + 3_600_000);
  });
});

describe("a credential's status_list", () => {
  it("is read, and absent where there is none", () => {
    expect(readStatusListEntry({ status_list: { idx: 3, uri: URI } })).to.deep.equal({ index: 3, uri: URI });
    expect(readStatusListEntry(undefined)).to.equal(null);
    expect(readStatusListEntry({ other: {} })).to.equal(null);
  });

  for (const entry of [{ idx: -1, uri: URI }, { idx: "1", uri: URI }, { idx: 2 ** 53, uri: URI }, { idx: 1 }, "x"]) {
    it(`is refused as ${JSON.stringify(entry)}`, () => {
      expect(outcomeOf(() => readStatusListEntry({ status_list: entry }))).to.equal("status_invalid");
    });
  }
});

function read(payload: object, header: object = {}) {
  const token = signJws(
    joseKey(),
    { alg: "ES256", typ: "statuslist+jwt", ...header },
    {
      sub: URI,
      iat: seconds - 10,
      status_list: { bits: 1, lst: new StatusList([0, 1], 1).compressStatusList() },
      ...payload,
    },
  );
  return readStatusListToken(parseJws(token), URI, NOW);
}

function bomb(): string {
  return deflateSync(Buffer.alloc(MAX_LIST_BYTES + 1)).toString("base64url");
}

/** The reason of a rejection, or null. */
function outcomeOf(reading: () => unknown): string | null {
  try {
    reading();
    return null;
  } catch (error) {
    expect(error).to.be.instanceOf(PresentationRejection);
    return (error as PresentationRejection).reason;
  }
}
