import { expect } from "chai";
import { HDNodeWallet } from "ethers";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../../core/config/config";
import type { ProcessName } from "../../../core/config/part";
import { weaknessOf } from "../../../core/config/secretStrength";
import { BootError } from "../../../core/errors";
import { DEVELOPMENT_KEYS } from "../../../embedded/chain/accounts";

const OWN_KEY = "0x4f3a9c1e7b52d860a1f4e93c5d7b208e6a9f1c3d5e7082b4c6d8fa0e1b3c5d79";

const GANACHE = "myth like bonus scare over problem client lizard pioneer submit female collect";

const PRODUCTION = {
  NODE_ENV: "production",
  MONGODB_URI: "mongodb+srv://cairn:x7Qm2vTz@db.example.com/cairn",
  REDIS_URL: "rediss://:x7Qm2vTz@redis.example.com:6379",
  RPC_URL: "https://rpc.example.com",
  CHAIN_ID: "11155111",
  PUBLIC_URL: "https://id.example.com",
  KEYSTORE_PASSPHRASE: "Jx2vQm8TzR4kWn6Y",
  RELAYER_PRIVATE_KEY: OWN_KEY,
};

const GATEWAY = {
  NODE_ENV: "production",
  REDIS_URL: PRODUCTION.REDIS_URL,
  PUBLIC_URL: PRODUCTION.PUBLIC_URL,
  GATEWAY_API_URL: "https://api.internal.example.com",
  GATEWAY_SERVICE_KEY: "q3JvhT9wXkM2sLr8Vd0YcNzE5aGfPbU7oIiQeRtWyHs",
  GATEWAY_KEYS_PASSPHRASE: "Jx2vQm8TzR4kWn6Y",
};

/** The subjects of what a process refuses in production, with these variables in place of good ones. */
function refused(env: NodeJS.ProcessEnv, processName: ProcessName = "worker"): string[] {
  return problems({ ...PRODUCTION, ...env }, processName);
}

function problems(env: NodeJS.ProcessEnv, processName: ProcessName): string[] {
  try {
    loadConfig(processName, env);
    return [];
  } catch (error) {
    if (error instanceof BootError) return error.problems.map(({ subject }) => subject);
    throw error;
  }
}

describe("configuration in production", () => {
  it("accepts values of one's own", () => {
    for (const processName of ["api", "worker", "indexer", "command"] as const) {
      expect(refused({ ADMIN_API_KEY: "CAIRN-ADM-9mXq27vKzR4wNtL5pHs8" }, processName)).to.deep.equal([]);
    }
    expect(problems(GATEWAY, "gateway")).to.deep.equal([]);
  });

  it("asks the gateway for what it uses, and for no secret of others", () => {
    const named = ["GATEWAY_API_URL", "GATEWAY_KEYS_PASSPHRASE", "GATEWAY_SERVICE_KEY", "PUBLIC_URL", "REDIS_URL"];
    expect(problems({ NODE_ENV: "production" }, "gateway").sort()).to.deep.equal(named);
    const { gateway } = loadConfig("api", { ...PRODUCTION, ...GATEWAY });
    expect([gateway.serviceKey, gateway.keysPassphrase]).to.deep.equal(["", ""]);
  });

  it("refuses what is no service key, an unencrypted way to the API, and pages that are no origins", () => {
    const from = (env: NodeJS.ProcessEnv) => problems({ ...GATEWAY, ...env }, "gateway");
    for (const key of ["short", "A".repeat(42), OWN_KEY, "-----BEGIN PRIVATE KEY-----\nAAAA"]) {
      expect(from({ GATEWAY_SERVICE_KEY: key }), key).to.include("GATEWAY_SERVICE_KEY");
    }
    expect(from({ GATEWAY_API_URL: "http://api.internal:3001" })).to.deep.equal(["GATEWAY_API_URL"]);
    const said = { GATEWAY_API_URL: "http://api.internal:3001", GATEWAY_API_UNENCRYPTED: "true" };
    expect(from(said)).to.deep.equal([]);
    expect(from({ GATEWAY_API_URL: "http://127.0.0.1:3001" })).to.deep.equal([]);
    expect(from({ GATEWAY_CORS_ORIGINS: "https://a.example, https://b.example:8443" })).to.deep.equal([]);
    for (const origins of ["*", "https://app.example.com/", "app.example.com", "http://app.example.com"]) {
      expect(from({ GATEWAY_CORS_ORIGINS: origins }), origins).to.deep.equal(["GATEWAY_CORS_ORIGINS"]);
    }
  });

  it("refuses every value that development uses where nothing is given, whatever variable it is given for", () => {
    const folder = join(__dirname, "../../../core/config");
    const values = readdirSync(folder).flatMap((file) =>
      [
        ...readFileSync(join(folder, file), "utf8").matchAll(
          /const (DEVELOPMENT_\w+(?:KEY|SECRET|PASSPHRASE)) = "(.+)"/g,
        ),
      ].map(([, name = "", value = ""]) => ({ name, value })),
    );
    expect(values).to.have.length(5);
    for (const { name, value } of values) {
      expect(refused({ KYC_VERIFF_API_KEY: "k", KYC_VERIFF_SHARED_SECRETS: value }), name).to.deep.equal([
        "KYC_VERIFF_SHARED_SECRETS",
      ]);
    }
  });

  it("refuses the keys of Hardhat's 20 accounts and those that follow from the mnemonic, in any letter case", () => {
    const hardhat = HDNodeWallet.fromPhrase(`${"test ".repeat(11)}junk`, "", "m/44'/60'/0'/0");
    const ganache = HDNodeWallet.fromPhrase(GANACHE, "", "m/44'/60'/0'/0/9");
    expect(DEVELOPMENT_KEYS).to.have.length(20);
    for (const key of [...DEVELOPMENT_KEYS, hardhat.deriveChild(49).privateKey, ganache.privateKey]) {
      const upper = `0x${key.slice(2).toUpperCase()}`;
      expect(refused({ RELAYER_PRIVATE_KEY: key }), key).to.deep.equal(["RELAYER_PRIVATE_KEY"]);
      expect(refused({ RELAYER_PRIVATE_KEY: upper }), upper).to.deep.equal(["RELAYER_PRIVATE_KEY"]);
    }
    const [key] = DEVELOPMENT_KEYS;
    const env = { DEPLOYER_PRIVATE_KEY: key, ISSUER_REGISTRY_OWNER_KEY: key };
    expect(refused(env, "command")).to.deep.equal(["DEPLOYER_PRIVATE_KEY", "ISSUER_REGISTRY_OWNER_KEY"]);
  });

  it("refuses secrets that are short or can be guessed", () => {
    for (const secret of [
      "short",
      "aaaaaaaaaaaaaaaaaaaaaaaa",
      "passwordpassword123456",
      "changeme-changeme-changeme",
    ]) {
      expect(refused({ KEYSTORE_PASSPHRASE: secret }), secret).to.deep.equal(["KEYSTORE_PASSPHRASE"]);
    }
    expect(refused({ ADMIN_API_KEY: "CAIRN-ADM-0000000000000000" })).to.deep.equal(["ADMIN_API_KEY"]);
    expect(refused({ RELAYER_PRIVATE_KEY: `0x${"0".repeat(63)}1` })).to.deep.equal(["RELAYER_PRIVATE_KEY"]);
  });

  it("takes what was drawn at random for strong", () => {
    for (const secret of ["Jx2vQm8TzR4kWn6Y", "f81d4fae7dec11d0a76500a0c91e6bf6", "correct horse battery staple"]) {
      expect(weaknessOf(secret), secret).to.equal(null);
    }
  });

  it("refuses logins without limits", () => {
    expect(refused({ LOGIN_LIMITS: "false" }, "api")).to.deep.equal(["LOGIN_LIMITS"]);
    expect(refused({ LOGIN_LIMITS: "true" }, "api")).to.deep.equal([]);
  });

  it("refuses databases without a password unless that is said twice", () => {
    const open = { MONGODB_URI: "mongodb://a.example:27017,b.example:27017/cairn", REDIS_URL: "redis://redis.example" };
    expect(refused(open)).to.deep.equal(["MONGODB_URI", "REDIS_URL"]);
    expect(refused({ ...open, MONGODB_UNAUTHENTICATED: "true", REDIS_UNAUTHENTICATED: "true" })).to.deep.equal([]);
    expect(refused({ MONGODB_URI: "mongodb://user@db.example/cairn" })).to.deep.equal(["MONGODB_URI"]);
    expect(refused({ MONGODB_URI: "mongodb://user:password@db.example/cairn" })).to.deep.equal(["MONGODB_URI"]);
    expect(refused({ REDIS_URL: "redis://:short@redis.example" })).to.deep.equal(["REDIS_URL"]);
    const certificate = "mongodb://db.example/cairn?tls=true&authMechanism=MONGODB-X509";
    expect(refused({ MONGODB_URI: certificate })).to.deep.equal([]);
  });

  it("refuses a public origin without TLS, however http is spelt", () => {
    for (const url of [
      "http://id.example.com",
      "HTTP://id.example.com",
      "hTTp://id.example.com/",
      " http://id.example.com",
    ]) {
      expect(refused({ PUBLIC_URL: url }, "api"), url).to.deep.equal(["PUBLIC_URL"]);
      expect(refused({ PUBLIC_URL: url }, "worker"), url).to.deep.equal(["PUBLIC_URL"]);
    }
    expect(loadConfig("api", { ...PRODUCTION, PUBLIC_URL: "HTTPS://ID.example.com/" }).http.publicUrl).to.equal(
      "https://id.example.com",
    );
    expect(refused({ KYC_RETURN_URL: "http://id.example.com" }, "api")).to.deep.equal(["KYC_RETURN_URL"]);
  });

  it("lets no page in that came without TLS", () => {
    expect(refused({ CORS_ORIGINS: "https://app.example.com,http://app.example.com" }, "api")).to.deep.equal([
      "CORS_ORIGINS",
    ]);
    expect(refused({ CORS_ORIGINS: "https://app.example.com" }, "api")).to.deep.equal([]);
    for (const malformed of ["https://app.example.com/", "https://App.example.com", "app.example.com", "*"]) {
      expect(refused({ CORS_ORIGINS: malformed }, "api"), malformed).to.deep.equal(["CORS_ORIGINS"]);
    }
  });

  it("refuses what proves nothing about who asks for presentations, and issuers' keys without TLS", () => {
    const admin = { ADMIN_API_KEY: "CAIRN-ADM-9mXq27vKzR4wNtL5pHs8" };
    const listed = "https://issuer.example,  http://other.example/path";
    expect(
      refused({ ...admin, PRESENTATION_CLIENT_ID: "redirect_uri", PRESENTATION_ISSUERS: listed }, "api"),
    ).to.have.members(["PRESENTATION_CLIENT_ID", "PRESENTATION_ISSUERS"]);
    expect(refused({ ...admin, PRESENTATION_ISSUERS: "https://issuer.example/path" }, "api")).to.deep.equal([]);
    for (const issuer of [
      "issuer.example",
      "https://a:b@issuer.example",
      "https://issuer.example?",
      "https://i.example#x",
    ]) {
      expect(refused({ ...admin, PRESENTATION_ISSUERS: issuer }, "api"), issuer).to.deep.equal([
        "PRESENTATION_ISSUERS",
      ]);
    }
    expect(refused({ ...admin, PRESENTATION_KEY_FILE: "key.pem" }, "api")).to.deep.equal([
      "PRESENTATION_CERTIFICATE_FILE",
    ]);
  });

  it("asks the worker for the public origin, which it anchors", () => {
    expect(refused({ PUBLIC_URL: undefined })).to.deep.equal(["PUBLIC_URL"]);
  });

  it("is meant when NODE_ENV is unset and others can reach the API", () => {
    for (const env of [
      { HOST: "0.0.0.0" },
      { HOST: "::" },
      { HOST: "10.0.0.7" },
      { INTERNAL_HOST: "0.0.0.0" },
      { GATEWAY_HTTP_HOST: "0.0.0.0" },
      { GATEWAY_GRPC_HOST: "10.0.0.7" },
      { PUBLIC_URL: "HTTPS://id.example.com" },
    ]) {
      expect(problems(env, "api"), JSON.stringify(env)).to.include.members(["NODE_ENV", "KEYSTORE_PASSPHRASE"]);
      expect(problems({ ...env, NODE_ENV: "development" }, "api")).to.deep.equal([]);
    }
    for (const HOST of ["127.0.0.1", "127.8.8.8", "localhost", "::1"]) {
      expect(problems({ HOST, PUBLIC_URL: "http://localhost:3000" }, "api"), HOST).to.deep.equal([]);
    }
    const { NODE_ENV: _unset, ...own } = PRODUCTION;
    expect(loadConfig("worker", { ...own, HOST: "0.0.0.0" }).production).to.equal(true);
  });
});
