import { expect } from "chai";
import { sign } from "node:crypto";
import { importServiceKeys, verifyServiceToken } from "../../../core/keys/serviceToken";
import { newServiceKey, signServiceToken } from "../../support/serviceTokens";
import { DomainError } from "../../../core/errors";

const NOW = 1_780_000_000;
const now = new Date(NOW * 1000);
const rid = "11111111-1111-4111-8111-111111111111";

function rejectionOf(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (thrown) {
    return thrown instanceof DomainError ? thrown.code : String(thrown);
  }
}

describe("service tokens", () => {
  const [old, current, stranger] = [newServiceKey(), newServiceKey(), newServiceKey()];
  const keys = importServiceKeys([old.publicKey, current.publicKey]);
  const claims = { iat: NOW, exp: NOW + 60, rid };
  const verify = (token: string, at = now) => verifyServiceToken(keys, token, at);

  it("are accepted of each key that is configured, so that one can be replaced", async () => {
    for (const key of [old, current]) {
      expect(verify(await signServiceToken(key, claims))).to.include({ iss: "cairn-gateway", rid });
    }
  });

  it("name a user and a device session where they are for a command", async () => {
    const user = { sub: rid, sid: "22222222-2222-4222-8222-222222222222" };
    expect(verify(await signServiceToken(current, { ...claims, ...user }))).to.include(user);
  });

  it("are refused of a key that is not configured, also when they name one that is", async () => {
    for (const token of [
      await signServiceToken(stranger, claims),
      await signServiceToken({ ...stranger, kid: current.kid }, claims),
      await signServiceToken(current, claims, { kid: undefined }),
    ]) {
      expect(rejectionOf(() => verify(token))).to.equal("service_token.invalid");
    }
  });

  it("are refused with any other algorithm than EdDSA", async () => {
    for (const alg of ["none", "HS256", "ES256", "Ed25519"]) {
      expect(
        rejectionOf(() => verifyWith(alg)),
        alg,
      ).to.equal("service_token.invalid");
    }
    function verifyWith(alg: string) {
      const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
      const all = { iss: "cairn-gateway", aud: "cairn-internal", ...claims };
      const input = `${encode({ alg, kid: current.kid })}.${encode(all)}`;
      const signature = alg === "none" ? "" : sign(null, Buffer.from(input), current.privateKey).toString("base64url");
      return verify(`${input}.${signature}`);
    }
  });

  it("are refused for another port, of another issuer, or without a request id", async () => {
    for (const wrong of [
      { aud: "cairn" },
      { aud: ["cairn-internal"] },
      { iss: "cairn" },
      { rid: undefined },
      { rid: "7" },
    ]) {
      const token = await signServiceToken(current, { ...claims, ...wrong });
      expect(
        rejectionOf(() => verify(token)),
        JSON.stringify(wrong),
      ).to.equal("service_token.invalid");
    }
  });

  it("live for 60 s, give or take 10 s by which clocks differ", async () => {
    const token = await signServiceToken(current, claims);
    const at = (seconds: number) => rejectionOf(() => verify(token, new Date((NOW + seconds) * 1000)));
    expect(at(-10)).to.equal(undefined);
    expect(at(-11)).to.equal("service_token.invalid");
    expect(at(69)).to.equal(undefined);
    expect(at(70)).to.equal("service_token.expired");
  });

  it("are refused when they would live for longer, or end before they begin", async () => {
    for (const exp of [NOW + 61, NOW + 86_400, NOW, NOW - 1]) {
      const token = await signServiceToken(current, { ...claims, exp });
      expect(
        rejectionOf(() => verify(token)),
        String(exp),
      ).to.equal("service_token.invalid");
    }
  });

  it("are refused when a bit of them is changed, or they are no JWT", async () => {
    const token = await signServiceToken(current, claims);
    for (let place = 0; place < token.length; place += 7) {
      const other = token[place] === "A" ? "B" : "A";
      const changed = token.slice(0, place) + other + token.slice(place + 1);
      expect(
        rejectionOf(() => verify(changed)),
        String(place),
      ).to.equal("service_token.invalid");
    }
    for (const text of ["", "a.b.c", "..", "e30.e30.", `${token}.`]) {
      expect(
        rejectionOf(() => verify(text)),
        text,
      ).to.equal("service_token.invalid");
    }
  });
});
