import { expect } from "chai";
import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fundedKey, testMongo, testMongoUri, testRedisUrl, testRpcUrl } from "../../support/servers";

const ROOT = join(__dirname, "../../..");
const CONFIGURATION_ERROR = 78;
const USAGE_ERROR = 64;

/** Each command with arguments it takes, and the beginning of its usage. */
const COMMANDS: Record<string, { args: string[]; usage: string }> = {
  client: { args: ["list"], usage: "npm run client -- add" },
  issuer: { args: ["list"], usage: "npm run issuer -- add" },
  jobs: { args: ["list"], usage: "npm run jobs -- list" },
  keys: { args: ["list"], usage: "npm run keys -- list" },
  relayer: { args: ["status"], usage: "npm run relayer -- status" },
  deploy: { args: [], usage: "npm run deploy" },
  auditVerify: { args: [], usage: "npm run audit:verify -- <file>" },
};

interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

describe("production, with the packages of `dependencies` alone", () => {
  let folder: string;

  before(function () {
    this.timeout(300_000);
    folder = mkdtempSync(join(tmpdir(), "cairn-production-"));
    buildInto(join(folder, "dist"));
    linkDependencies(join(folder, "node_modules"));
    for (const path of ["package.json", "package-lock.json", "scripts/launch.cjs", "scripts/launch"]) {
      cpSync(join(ROOT, path), join(folder, path), { recursive: true });
    }
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function run(script: string, ...args: string[]): Promise<Result> {
    return runWith({}, script, ...args);
  }

  function runWith(env: NodeJS.ProcessEnv, script: string, ...args: string[]): Promise<Result> {
    return spawned({ NODE_ENV: "production", ...env }, join("dist", script), ...args);
  }

  /** As `npm run` does, where NODE_ENV is not set. */
  function launch(env: NodeJS.ProcessEnv, script: string, ...args: string[]): Promise<Result> {
    return spawned(env, join("scripts", "launch.cjs"), script, ...args);
  }

  function spawned(env: NodeJS.ProcessEnv, ...args: string[]): Promise<Result> {
    const child = spawn(process.execPath, args, {
      cwd: folder,
      env: { PATH: process.env["PATH"], ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const result: Result = { code: null, stdout: "", stderr: "" };
    child.stdout.on("data", (chunk: Buffer) => (result.stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (result.stderr += chunk.toString()));
    return new Promise((resolve, reject) => {
      child.once("error", reject).once("close", (code) => resolve({ ...result, code }));
    });
  }

  it("has no development package to resolve", async () => {
    writeFileSync(join(folder, "dist", "probe.js"), "for (const name of process.argv.slice(2)) require.resolve(name);");
    expect((await run("probe.js", "ethers", "mongoose")).code).to.equal(0);
    for (const name of ["esbuild", "hardhat", "typescript"]) {
      expect((await run("probe.js", name)).stderr, name).to.include(`Cannot find module '${name}'`);
    }
  });

  for (const [name, { args, usage }] of Object.entries(COMMANDS)) {
    const script = `scripts/operate/${name}.js`;

    it(`${name} prints its usage, and exits with 64 for an option it does not know`, async () => {
      const [help, wrong] = await Promise.all([run(script, "--help"), run(script, ...args, "--nonsense")]);
      expect(help).to.include({ code: 0, stderr: "" });
      expect(help.stdout).to.include(usage);
      expect(wrong).to.include({ code: USAGE_ERROR, stdout: "" });
      expect(wrong.stderr)
        .to.match(/^Unknown option '--nonsense'/)
        .and.to.include(usage);
    });
  }

  for (const name of ["client", "issuer", "jobs", "relayer"]) {
    const script = `scripts/operate/${name}.js`;

    it(`${script} names what production must be given, and exits with 78`, async () => {
      const { code, stderr } = await run(script, ...(COMMANDS[name]?.args ?? []));
      expect(code).to.equal(CONFIGURATION_ERROR);
      expect(stderr)
        .to.match(/cannot start; \d+ problems/)
        .and.to.include("MONGODB_URI: has no default in production");
    });
  }

  it("deploy asks for the chain, and for the key that pays, and exits with 78", async () => {
    const script = "scripts/operate/deploy.js";
    const [nothing, chain] = await Promise.all([
      run(script),
      runWith({ RPC_URL: "https://rpc.example.com", CHAIN_ID: "31337" }, script),
    ]);
    expect([nothing.code, chain.code]).to.deep.equal([CONFIGURATION_ERROR, CONFIGURATION_ERROR]);
    expect(nothing.stderr).to.include("RPC_URL: has no default in production").and.to.include("CHAIN_ID: has no");
    expect(chain.stderr).to.include("DEPLOYER_PRIVATE_KEY: is missing");
  });

  it("every command does its work on real servers, installs nothing and runs the build without NODE_ENV", async () => {
    const mongo = await testMongo("production_commands");
    const env = {
      MONGODB_URI: testMongoUri("production_commands"),
      REDIS_URL: testRedisUrl(),
      REDIS_PREFIX: "production-commands",
      RPC_URL: testRpcUrl(),
      CHAIN_ID: "31337",
      DEPLOYER_PRIVATE_KEY: await fundedKey(),
      DEPLOYMENTS_DIR: join(folder, "deployments"),
      KEYSTORE_DIR: join(folder, "keys"),
    };
    const operate = (name: string, ...args: string[]) => launch(env, `scripts/operate/${name}.ts`, ...args);
    try {
      const deployed = await operate("deploy");
      expect(deployed.code, deployed.stderr).to.equal(0);
      expect(deployed.stdout).to.include(`recorded in ${join(folder, "deployments")}`);
      const file = join(folder, "scopes.json");
      const dcql = { credentials: [{ id: "id", format: "dc+sd-jwt", claims: [{ path: ["age_over_18"] }] }] };
      writeFileSync(file, JSON.stringify([{ name: "age", description: "that you are over 18", dcql }]));
      const shop = ["--name", "Shop", "--redirect-uri", "https://shop.example/callback"];
      const verifier = ["--verifier-url", "https://verifier.example", "--scopes", file];
      const added = await operate("client", "add", ...shop, ...verifier);
      expect(added.code, added.stderr).to.equal(0);
      expect((await operate("client", "list")).stdout).to.include("Shop");
      expect(await operate("jobs", "list")).to.deep.equal({ code: 0, stdout: "no job was given up\n", stderr: "" });
      for (const [name, word] of [
        ["issuer", "list"],
        ["relayer", "status"],
      ] as const) {
        const { code, stderr } = await operate(name, word);
        expect([code, stderr], name).to.deep.equal([0, ""]);
      }
      const keys = await operate("keys", "list");
      expect(keys).to.include({ code: 1, stderr: "Nothing is encrypted yet: the first field makes the first key.\n" });
    } finally {
      await mongo.dropDatabase();
      await mongo.close();
    }
  });

  it("what needs the development packages says so, and exits with 78", async () => {
    for (const script of ["scripts/test.ts", "--compile"]) {
      const { code, stderr } = await launch({}, script);
      expect(code, stderr).to.equal(CONFIGURATION_ERROR);
      expect(stderr).to.include("needs the development packages");
    }
  });

  it("auditVerify reads the file it is given", async () => {
    const file = join(folder, "answer.json");
    writeFileSync(file, JSON.stringify({ credId: "0x", revoked: false, suspended: false, proof: null }));
    const { code, stderr } = await run("scripts/operate/auditVerify.js", file);
    expect([code, stderr]).to.deep.equal([
      1,
      "The answer does not hold: The answer carries no proof: ask a gateway whose node offers eth_getProof.\n",
    ]);
  });

  for (const [script, variable] of [
    ["api/main.js", "MONGODB_URI"],
    ["api/worker.js", "MONGODB_URI"],
    ["indexer/main.js", "MONGODB_URI"],
    ["gateway/main.js", "GATEWAY_API_URL"],
  ] as const) {
    it(`${script} names what production must be given, and exits with 78`, async () => {
      const { code, stderr } = await run(script);
      expect(code, stderr).to.equal(CONFIGURATION_ERROR);
      expect(stderr).to.include(`${variable}: has no default in production`);
    });
  }
});

/** `npm run build` into a folder. */
function buildInto(dist: string): void {
  const command = ["--require", "./scripts/typescript.cjs", "scripts/build.ts", dist];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: ROOT, encoding: "utf8" });
  expect(status, `${stdout}${stderr}`).to.equal(0);
}

/** What `npm prune --omit=dev` leaves at the top of node_modules. */
function linkDependencies(modules: string): void {
  const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
    packages: Record<string, { dev?: boolean }>;
  };
  for (const [path, { dev }] of Object.entries(lock.packages)) {
    const name = /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path)?.[1];
    if (name === undefined || dev === true) continue;
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(ROOT, path), join(modules, name));
  }
}
