import { expect } from "chai";
import { loadConfig } from "../../../core/config/config";
import { BootError } from "../../../core/errors";
import { newServiceKey } from "../../support/serviceTokens";

function problems(env: NodeJS.ProcessEnv): string[] {
  try {
    loadConfig("api", { NODE_ENV: "test", ...env });
    return [];
  } catch (error) {
    if (error instanceof BootError) return error.problems.map(({ subject, problem }) => `${subject} ${problem}`);
    throw error;
  }
}

describe("the configuration of the internal port", () => {
  const [first, second] = [newServiceKey().publicKey, newServiceKey().publicKey];

  it("is none where none is given", () => {
    expect(loadConfig("api", {}).internal).to.equal(null);
  });

  it("takes several keys, so that one can be replaced", () => {
    const { internal } = loadConfig("api", {
      INTERNAL_PORT: "3001",
      GATEWAY_SERVICE_PUBLIC_KEYS: `${first}, ${second}`,
    });
    expect(internal).to.deep.equal({ host: "127.0.0.1", port: 3001, publicKeys: [first, second] });
  });

  it("refuses a port without keys, and keys without a port", () => {
    expect(problems({ INTERNAL_PORT: "3001" })).to.deep.equal([
      "GATEWAY_SERVICE_PUBLIC_KEYS is missing, and INTERNAL_PORT is given",
    ]);
    expect(problems({ GATEWAY_SERVICE_PUBLIC_KEYS: first })).to.deep.equal([
      "GATEWAY_SERVICE_PUBLIC_KEYS is given, but INTERNAL_PORT is not: gateways could not ask",
    ]);
  });

  it("refuses the public port", () => {
    const keys = { GATEWAY_SERVICE_PUBLIC_KEYS: first };
    expect(problems({ INTERNAL_PORT: "3000", ...keys })).to.deep.equal(["INTERNAL_PORT is PORT"]);
    expect(problems({ PORT: "4000", INTERNAL_PORT: "4000", ...keys })).to.deep.equal(["INTERNAL_PORT is PORT"]);
  });

  it("refuses what is no key, or a key that protects nothing", () => {
    const neutralPoint = Buffer.from([1, ...Buffer.alloc(31)]).toString("base64url");
    for (const text of ["key", `${first}=`, first.slice(1), `${first},${neutralPoint}`, neutralPoint]) {
      expect(problems({ INTERNAL_PORT: "3001", GATEWAY_SERVICE_PUBLIC_KEYS: text }), text).to.deep.equal([
        "GATEWAY_SERVICE_PUBLIC_KEYS must be raw Ed25519 public keys, base64url of 32 bytes, separated by commas",
      ]);
    }
  });
});
