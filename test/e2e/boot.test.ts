import { expect } from "chai";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEVELOPMENT_RELAYER_KEY } from "../../core/config/relayer";
import { deploymentPath } from "../../chain/deployment";
import { deployContracts } from "../../chain/deploy";
import { fundedKey, testMongoUri, testRedisUrl, testRpcUrl } from "../support/servers";

const ROOT = join(__dirname, "..", "..");
const MAINS = { api: "api/main.ts", worker: "api/worker.ts", indexer: "indexer/main.ts" };
type Name = keyof typeof MAINS;

/** EX_CONFIG of sysexits.h: a supervisor must not try again. */
const CONFIGURATION_ERROR = 78;

describe("a boot with a wrong configuration", () => {
  let deploymentsDir: string;
  let good: NodeJS.ProcessEnv;

  before(async () => {
    deploymentsDir = mkdtempSync(join(tmpdir(), "cairn-boot-"));
    await deployContracts({
      chainId: 31337,
      deployerPrivateKey: await fundedKey(),
      didMethod: "mychain",
      rpcUrl: testRpcUrl(),
      deploymentsDir,
      report: () => undefined,
    });
    good = {
      PATH: process.env["PATH"],
      MONGODB_URI: testMongoUri("boot"),
      REDIS_URL: testRedisUrl(),
      RPC_URL: testRpcUrl(),
      DEPLOYMENTS_DIR: deploymentsDir,
      PORT: "0",
      API_METRICS_PORT: "0",
      INDEXER_PORT: "0",
      WORKER_PORT: "0",
    };
  });

  after(() => rmSync(deploymentsDir, { recursive: true, force: true }));

  /** Starts a process that must give up, and returns what it printed and its exit code. */
  async function boot(name: Name, changes: NodeJS.ProcessEnv): Promise<{ printed: string; code: number | null }> {
    const env = { ...good, ...changes };
    const child = spawn(process.execPath, ["--require", "./scripts/typescript.cjs", MAINS[name]], {
      cwd: ROOT,
      env,
      stdio: ["ignore", "ignore", "pipe"],
    });
    let printed = "";
    child.stderr.on("data", (chunk: Buffer) => (printed += chunk.toString()));
    const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
    return { printed, code };
  }

  for (const name of Object.keys(MAINS) as Name[]) {
    it(`lists every bad variable of the ${name} at once`, async () => {
      const { printed, code } = await boot(name, { MONGODB_URI: "postgres://db", RPC_URL: "chain", CHAIN_ID: "main" });
      expect(code).to.equal(CONFIGURATION_ERROR);
      expect(printed).to.match(new RegExp(`^The ${name} cannot start; 3 problems in its configuration:`));
      for (const subject of ["MONGODB_URI", "RPC_URL", "CHAIN_ID"]) expect(printed).to.contain(`  - ${subject}: `);
      expect(printed.match(/fix: /g)).to.have.length(3);
    });

    it(`lists every server the ${name} cannot reach at once`, async () => {
      const { printed, code } = await boot(name, {
        MONGODB_URI: "mongodb://127.0.0.1:1/x",
        RPC_URL: "http://127.0.0.1:1",
      });
      expect(code).to.equal(CONFIGURATION_ERROR);
      expect(printed).to.contain("  - MONGODB_URI: ").and.to.contain("start MongoDB there");
      expect(printed).to.contain("  - RPC_URL: ").and.to.contain("start the chain there");
    });
  }

  it("names a chain that is not the configured one", async () => {
    const { printed, code } = await boot("api", { CHAIN_ID: "5", PUBLIC_URL: "http://id.example.com" });
    expect(code).to.equal(CONFIGURATION_ERROR);
    expect(printed).to.contain("CHAIN_ID: 127.0.0.1").and.to.contain("serves chain 31337, but CHAIN_ID is 5");
  });

  it("names an address that holds no contract", async () => {
    const { printed, code } = await boot("worker", { DID_REGISTRY_ADDRESS: `0x${"1".repeat(40)}` });
    expect(code).to.equal(CONFIGURATION_ERROR);
    expect(printed).to.contain(`DIDRegistry: there is no contract at 0x${"1".repeat(40)} on chain 31337`);
  });

  it("names a missing and a broken record of the deployment", async () => {
    const empty = mkdtempSync(join(tmpdir(), "cairn-boot-"));
    try {
      const missing = await boot("api", { DEPLOYMENTS_DIR: empty });
      expect(missing.printed)
        .to.contain("there is no record of a deployment on chain 31337")
        .and.to.contain("npm run deploy");
      writeFileSync(deploymentPath(empty, 31337), "{");
      const broken = await boot("indexer", { DEPLOYMENTS_DIR: empty });
      expect(broken.printed).to.contain("is not a deployment record");
      expect([missing.code, broken.code]).to.deep.equal([CONFIGURATION_ERROR, CONFIGURATION_ERROR]);
    } finally {
      rmSync(empty, { recursive: true });
    }
  });

  it("refuses production without its own values and secrets, and never prints a secret", async () => {
    const { printed, code } = await boot("worker", {
      NODE_ENV: "production",
      RELAYER_PRIVATE_KEY: DEVELOPMENT_RELAYER_KEY,
    });
    expect(code).to.equal(CONFIGURATION_ERROR);
    expect(printed).to.contain("RELAYER_PRIVATE_KEY: is a development key").and.to.contain("CHAIN_ID: has no default");
    expect(printed).not.to.contain(DEVELOPMENT_RELAYER_KEY.slice(2, 20));
  });
});
