import { expect } from "chai";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../../core/config/config";
import { BootError } from "../../../core/errors";
import { importPublicKey, verifyEd25519 } from "../../../core/keys/ed25519";
import { openFileKeyStore } from "../../../core/keys/fileKeyStore";
import { thumbprintOf } from "../../../core/keys/jws";
import { rotateSchedule, schedulePathOf } from "../../../core/keys/keySchedule";
import { createLogger } from "../../../core/logger";
import { openResponseKeys, type ResponseKeys } from "../../../gateway/keys/responseKeys";
import { eventually } from "../../support/eventually";
import { fakeClock } from "../../support/fakeClock";
import { SERVICE_KEY } from "../../support/gateway/mockApi";

const DAY = 24 * 3_600;
const PASSPHRASE = "Jx2vQm8TzR4kWn6Y";

describe("the gateway's signing keys", () => {
  const opened: ResponseKeys[] = [];
  let directory: string;
  let clock: ReturnType<typeof fakeClock>;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "cairn-response-keys-"));
    clock = fakeClock();
  });
  afterEach(() => {
    for (const keys of opened.splice(0)) keys.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function open(environment: Record<string, string> = {}): Promise<ResponseKeys> {
    const config = loadConfig("gateway", {
      NODE_ENV: "test",
      GATEWAY_SERVICE_KEY: SERVICE_KEY,
      GATEWAY_KEYS_DIR: directory,
      GATEWAY_KEYS_PASSPHRASE: PASSPHRASE,
      ...environment,
    });
    const logger = createLogger({ processName: "gateway", logLevel: "silent" });
    const keys = await openResponseKeys(config, { clock, logger, reloadIntervalMs: 20 });
    opened.push(keys);
    return keys;
  }

  async function rotate(): Promise<void> {
    const keys = await openFileKeyStore({ directory, passphrase: PASSPHRASE });
    await rotateSchedule({ keys, path: schedulePathOf(directory) }, clock.now());
  }

  it("sign by a key that is published under its RFC 7638 thumbprint", async () => {
    const keys = await open();
    const { kid, sign } = keys.current();
    const [jwk] = keys.jwks().keys;
    expect(jwk).to.include({ kid, kty: "OKP", crv: "Ed25519", alg: "EdDSA", use: "sig" });
    expect(jwk).not.to.have.property("d");
    expect(kid).to.equal(thumbprintOf({ kty: "OKP", crv: "Ed25519", x: jwk?.x ?? "" }));
    const data = Buffer.from("data");
    const key = importPublicKey(Buffer.from(jwk?.x ?? "", "base64url"));
    expect(verifyEd25519({ key, data, signature: await sign(data) })).to.equal(true);
  });

  it("are the same for all gateways that share the folder, also when they start at once", async () => {
    const gateways = await Promise.all(Array.from({ length: 8 }, () => open()));
    expect(new Set(gateways.map((keys) => keys.current().kid)).size).to.equal(1);
  });

  it("are rotated without a restart: published a day before the new one signs, and gone 7 days later", async () => {
    const keys = await open();
    const first = keys.current().kid;
    await rotate();
    const second = await eventually("the next key to be published", () => keys.jwks().keys.at(1)?.kid);
    expect(keys.current().kid).to.equal(first);
    clock.advance(DAY);
    expect(keys.current().kid).to.equal(second);
    expect(keys.jwks().keys.map(({ kid }) => kid)).to.deep.equal([first, second]);
    clock.advance(7 * DAY);
    expect(keys.jwks().keys.map(({ kid }) => kid)).to.deep.equal([second]);
  });

  it("go on when the schedule cannot be read again", async () => {
    const keys = await open();
    const { kid } = keys.current();
    rmSync(directory, { recursive: true });
    await eventually("the folder to be read in vain", () => keys.current().kid === kid);
    expect(await keys.current().sign(Buffer.from("data"))).to.have.length(64);
  });

  it("are not made by a start in production, which says how to", async () => {
    const production = {
      NODE_ENV: "production",
      REDIS_URL: "rediss://:x7Qm2vTz@redis.example.com",
      PUBLIC_URL: "https://id.example.com",
      GATEWAY_API_URL: "https://api.example.com",
      GATEWAY_SERVICE_KEY: "q3JvhT9wXkM2sLr8Vd0YcNzE5aGfPbU7oIiQeRtWyHs",
    };
    const error = await open(production).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(BootError);
    expect(String(error)).to.include("npm run keys -- gateway rotate");
    await rotate();
    expect((await open(production)).jwks().keys).to.have.length(1);
  });

  it("do not open with another passphrase", async () => {
    await open();
    const error = await open({ GATEWAY_KEYS_PASSPHRASE: "another passphrase" }).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(BootError);
  });
});
