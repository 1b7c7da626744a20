import { expect } from "chai";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BootError } from "../../../core/errors";
import { parseServiceKey, publicKeyOf } from "../../../core/keys/serviceKey";
import { readServiceKey } from "../../../scripts/dev/serviceKey";
import { newServiceKey } from "../../support/serviceTokens";

describe("the key by which the local API knows the local gateway", () => {
  let dataDir: string;
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), "cairn-service-key-"));
  });
  afterEach(() => rmSync(dataDir, { recursive: true }));

  const path = () => join(dataDir, "gateway-service.key");

  it("is drawn once for the data, for its owner alone, and given to each side as its half", () => {
    const first = readServiceKey(dataDir, {});
    expect(readServiceKey(dataDir, {})).to.deep.equal(first);
    expect(statSync(path()).mode & 0o777).to.equal(0o600);
    const key = parseServiceKey(first.GATEWAY_SERVICE_KEY);
    expect(key && publicKeyOf(key)).to.equal(first.GATEWAY_SERVICE_PUBLIC_KEYS);
  });

  it("is the environment's where that gives one, also as PEM on one line", () => {
    const { privateKey, publicKey } = newServiceKey();
    const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    for (const text of [pem, pem.replaceAll("\n", "\\n")]) {
      const found = readServiceKey(dataDir, { GATEWAY_SERVICE_KEY: text });
      expect(found).to.deep.equal({ GATEWAY_SERVICE_KEY: text, GATEWAY_SERVICE_PUBLIC_KEYS: publicKey });
    }
  });

  it("that is none stops the start, naming where it stands and not what", () => {
    writeFileSync(path(), "no key");
    for (const env of [{}, { GATEWAY_SERVICE_KEY: "no key" }]) {
      let error: unknown;
      try {
        readServiceKey(dataDir, env);
      } catch (thrown) {
        error = thrown;
      }
      expect(error).to.be.instanceOf(BootError);
      expect(String(error)).to.include("holds no private Ed25519 key").and.not.include("no key:");
    }
  });
});
