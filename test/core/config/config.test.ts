import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { loadConfig, VARIABLES } from "../../../core/config/config";
import type { ProcessName } from "../../../core/config/part";
import { DEVELOPMENT_RELAYER_KEY } from "../../../core/config/relayer";
import { BootError } from "../../../core/errors";

const KEY = "0x4f3a9c1e7b52d860a1f4e93c5d7b208e6a9f1c3d5e7082b4c6d8fa0e1b3c5d79";

const PRODUCTION = {
  NODE_ENV: "production",
  MONGODB_URI: "mongodb://cairn:x7Qm2vTz@a.example.com:27017,b.example.com:27017/cairn?replicaSet=rs0",
  REDIS_URL: "rediss://:x7Qm2vTz@redis.example.com:6379",
  RPC_URL: "https://rpc.example.com",
  CHAIN_ID: "11155111",
  PUBLIC_URL: "https://id.example.com/",
  KEYSTORE_PASSPHRASE: "a secret of our own",
  RELAYER_PRIVATE_KEY: KEY,
};

function problemsOf(processName: ProcessName, env: NodeJS.ProcessEnv): BootError {
  try {
    loadConfig(processName, env);
  } catch (error) {
    if (error instanceof BootError) return error;
    throw error;
  }
  throw new Error("the configuration was accepted");
}

describe("configuration", () => {
  it("needs nothing in development", () => {
    const config = loadConfig("worker", {});
    expect(config.mongodbUri).to.equal("mongodb://127.0.0.1:27017/cairn");
    expect(config.anchoring?.relayerPrivateKey).to.equal(DEVELOPMENT_RELAYER_KEY);
    expect(config.http.publicUrl).to.equal("http://localhost:3000");
  });

  it("takes an empty variable for an absent one", () => {
    expect(loadConfig("api", { PORT: "" }).http.port).to.equal(3000);
  });

  it("splits several endpoints and trims the public origin", () => {
    const config = loadConfig("api", {
      NODE_ENV: "development",
      RPC_URL: "https://a.example, wss://b.example",
      PUBLIC_URL: "https://id.example/",
    });
    expect(config.chain.rpcUrls).to.deep.equal(["https://a.example", "wss://b.example"]);
    expect(config.http.publicUrl).to.equal("https://id.example");
  });

  it("cannot be changed once loaded", () => {
    const config = loadConfig("api", {});
    expect(() => Object.assign(config, { production: true })).to.throw(TypeError);
    expect(() => Object.assign(config.http, { port: 1 })).to.throw(TypeError);
  });

  it("lists every problem at once, each with its fix", () => {
    const { problems, message } = problemsOf("api", {
      MONGODB_URI: "postgres://db",
      REDIS_URL: "localhost:6379",
      RPC_URL: "ftp://chain",
      CHAIN_ID: "main",
      PORT: "70000",
      LOG_LEVEL: "loud",
    });
    expect(problems.map(({ subject }) => subject).sort()).to.deep.equal(
      ["CHAIN_ID", "LOG_LEVEL", "MONGODB_URI", "PORT", "REDIS_URL", "RPC_URL"].sort(),
    );
    expect(problems.every(({ fix }) => fix !== "")).to.equal(true);
    expect(message).to.match(/^The api cannot start; 6 problems in its configuration:\n/);
    expect(message).to.contain("must be a URL that starts with mongodb://");
  });

  it("refuses every default in production, at once", () => {
    const { problems } = problemsOf("worker", { NODE_ENV: "production" });
    expect(problems.map(({ subject }) => subject).sort()).to.deep.equal(
      [
        ...["CHAIN_ID", "KEYSTORE_PASSPHRASE", "MONGODB_URI", "PUBLIC_URL", "REDIS_URL", "RELAYER_PRIVATE_KEY"],
        "RPC_URL",
      ].sort(),
    );
  });

  it("asks the indexer in production for no secret of others", () => {
    const { problems } = problemsOf("indexer", { NODE_ENV: "production" });
    expect(problems.map(({ subject }) => subject)).to.have.members(["MONGODB_URI", "RPC_URL", "CHAIN_ID"]);
  });

  it("names values of the wrong form and missing values of production together", () => {
    const { problems } = problemsOf("api", { ...PRODUCTION, PORT: "x", REDIS_URL: undefined });
    expect(problems.map(({ subject }) => subject).sort()).to.deep.equal(["PORT", "REDIS_URL"]);
  });

  it("refuses a relayer key that everyone knows, and a public origin without TLS, in production", () => {
    const known = problemsOf("worker", { ...PRODUCTION, RELAYER_PRIVATE_KEY: DEVELOPMENT_RELAYER_KEY });
    expect(known.problems.map(({ subject }) => subject)).to.deep.equal(["RELAYER_PRIVATE_KEY"]);
    const plain = problemsOf("api", { ...PRODUCTION, PUBLIC_URL: "http://id.example.com" });
    expect(plain.problems.map(({ subject }) => subject)).to.deep.equal(["PUBLIC_URL"]);
  });

  for (const local of [
    undefined,
    "http://localhost:3000",
    "https://127.1",
    "http://[::1]:3000",
    "http://a.localhost",
  ]) {
    it(`anchors nothing under ${local ?? "the default origin"} on a chain that others read`, () => {
      const env = { NODE_ENV: "development", CHAIN_ID: "11155111", PUBLIC_URL: local };
      for (const name of ["api", "worker"] as const) {
        const { problems } = problemsOf(name, env);
        expect(problems.map(({ subject, problem }) => `${subject} ${problem}`)).to.deep.equal([
          "PUBLIC_URL is of this machine alone, and would be anchored on chain 11155111 for everybody",
        ]);
        expect(loadConfig(name, { ...env, CHAIN_ID: "31337" }).http.onOwnMachine).to.equal(true);
        expect(loadConfig(name, { ...env, PUBLIC_URL: "http://id.example.com" }).http.onOwnMachine).to.equal(false);
      }
      expect(loadConfig("indexer", env).chain.chainId, "anchors nothing").to.equal(11155111);
    });
  }

  it("never prints the value of a secret it refuses", () => {
    const { message } = problemsOf("worker", { RELAYER_PRIVATE_KEY: "0xdeadbeefdeadbeef" });
    expect(message).to.contain("RELAYER_PRIVATE_KEY").and.not.to.contain("deadbeef");
  });

  it("gives the relayer's key to the worker alone", () => {
    expect(loadConfig("api", PRODUCTION)).not.to.have.property("anchoring");
    expect(loadConfig("indexer", PRODUCTION)).not.to.have.property("anchoring");
    expect(loadConfig("worker", PRODUCTION).anchoring?.relayerPrivateKey).to.equal(KEY);
  });

  it("gives the keys of the deployer and of the registry's owner to operators' commands alone", () => {
    const env = { DEPLOYER_PRIVATE_KEY: KEY, ISSUER_REGISTRY_OWNER_KEY: KEY };
    for (const processName of ["api", "worker", "indexer"] as const) {
      expect(JSON.stringify(loadConfig(processName, env))).not.to.include(KEY);
    }
    const { deployment } = loadConfig("command", env);
    expect([deployment.deployerPrivateKey, deployment.issuerRegistryOwnerKey]).to.deep.equal([KEY, KEY]);
  });

  it("asks operators' commands in production for the chain alone", () => {
    const { problems } = problemsOf("command", { NODE_ENV: "production" });
    expect(problems.map(({ subject }) => subject)).to.have.members(["RPC_URL", "CHAIN_ID"]);
  });

  it("is explained in .env.example, every variable, every default as it is", () => {
    const text = readFileSync(join(__dirname, "../../../.env.example"), "utf8");
    const explained = [...text.matchAll(/^#?([A-Z_]+)=/gm)].map(([, name]) => name);
    // The supervisor sets CAIRN_SUPERVISED itself.
    expect(VARIABLES.filter((name) => name !== "CAIRN_SUPERVISED" && !explained.includes(name))).to.deep.equal([]);
    const example = parseEnv(text);
    expect(loadConfig("worker", example)).to.deep.equal(loadConfig("worker", {}));
    expect(loadConfig("api", example)).to.deep.equal(loadConfig("api", {}));
  });
});
