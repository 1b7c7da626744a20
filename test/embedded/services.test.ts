import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect } from "chai";
import { connectRedis } from "../../core/redis";
import { lockDataDir } from "../../embedded/folderLock";
import { isAlive } from "../../embedded/processes";
import type { ServiceExit } from "../../embedded/service";
import { type LocalServices, startServices } from "../../embedded/services";
import { eventually } from "../support/eventually";
import { bareEnv, rejectionOf, rpcTo, workbench } from "./workbench";

/** Started elsewhere, for tests that need no database of their own. */
const MONGODB_URI = "mongodb://127.0.0.1:1/elsewhere";

interface Told {
  pids: number[];
  redisUrl: string;
  rpcUrl: string;
}

describe("the local services", () => {
  const bench = workbench();
  const strangers: Server[] = [];
  const starters: ChildProcess[] = [];

  afterEach(async () => {
    for (const starter of starters.splice(0)) starter.kill("SIGKILL");
    await bench.clear();
    for (const stranger of strangers.splice(0)) stranger.close();
  });

  async function occupy(port: number): Promise<void> {
    const server = createServer((socket) => socket.on("error", () => socket.destroy()).end("not what you think\n"));
    await new Promise<void>((resolve) => {
      // Taken by something else already: just as well.
      server.once("error", () => resolve()).listen(port, "127.0.0.1", () => resolve());
    });
    strangers.push(server);
  }

  async function startElsewhere(dataDir: string): Promise<{ starter: ChildProcess; told: Told }> {
    const script = join(__dirname, "startServices.ts");
    const args = [
      "--require",
      "./scripts/typescript.cjs",
      script,
      dataDir,
      `MONGODB_URI=${MONGODB_URI}`,
      "REDIS_URL=",
      "RPC_URL=",
      "NODE_ENV=",
    ];
    const starter = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    starters.push(starter);
    const [line] = (await once(createInterface({ input: starter.stdout }), "line")) as [string];
    return { starter, told: JSON.parse(line) as Told };
  }

  async function start(dataDir: string | null, env: NodeJS.ProcessEnv = { MONGODB_URI }): Promise<LocalServices> {
    const preferredPorts = { chain: 8545, mongo: 27017, redis: 6379 };
    return bench.keep(await startServices({ dataDir, env: bareEnv(env), preferredPorts }));
  }

  it("start on other ports when 8545, 6379 and 27017 are taken, and leave nothing behind", async () => {
    for (const port of [8545, 6379, 27017]) await occupy(port);
    const services = await start(null);
    const pids = Object.values(services.byName).flatMap((service) => service.pid() ?? []);
    expect(pids).to.have.length(2);
    expect(await rpcTo(services.rpcUrl)("eth_chainId")).to.equal("0x7a69");
    const redis = connectRedis({ url: services.redisUrl, name: "test" });
    expect(await redis.ping()).to.equal("PONG");
    redis.disconnect();
    expect(services.rpcUrl).not.to.match(/:8545$/);
    expect(services.redisUrl).not.to.match(/:6379$/);
    await services.stop();
    expect(pids.filter(isAlive)).to.be.empty;
  });

  it("use servers that are given as they are, and start nothing then, in production too", async () => {
    const env = {
      MONGODB_URI,
      REDIS_URL: "rediss://cache.example:6380/2",
      RPC_URL: "https://a.example,https://b.example",
    };
    const dataDir = bench.folder();
    const services = await start(dataDir, { ...env, NODE_ENV: "production" });
    expect(services).to.include({ mongodbUri: env.MONGODB_URI, redisUrl: env.REDIS_URL, rpcUrl: env.RPC_URL });
    expect(Object.values(services.byName).map(({ how }) => how)).to.deep.equal(["given", "given", "given"]);
    expect(readdirSync(dataDir)).to.be.empty;
  });

  it("are refused in production, naming every server that has to be given", async () => {
    const dataDir = bench.folder();
    const refused = await rejectionOf(start(dataDir, { NODE_ENV: "production" }));
    for (const variable of ["MONGODB_URI", "REDIS_URL", "RPC_URL"])
      expect(refused).to.include(`- ${variable}: is not set`);
    expect(refused).to.include("NODE_ENV=production");
    expect(readdirSync(dataDir)).to.be.empty;
  });

  it("refuse a data folder that another process uses, and name that process", async () => {
    const dataDir = bench.folder();
    const { starter } = await startElsewhere(dataDir);
    const refused = await rejectionOf(start(dataDir));
    expect(refused).to.include(`process ${starter.pid} uses this data folder`).and.to.include(dataDir);
  });

  it("never let two of sixteen racing processes have the same data folder", async () => {
    const dataDir = bench.folder();
    const outcomes = await Promise.allSettled(Array.from({ length: 16 }, () => lockDataDir(dataDir)));
    const locks = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
    expect(locks.length).to.be.at.most(1);
    for (const lock of locks) lock.release();
    (await lockDataDir(dataDir)).release();
  });

  it("ignore a lock whose process is gone, also when its number was given to another process", async () => {
    const dataDir = bench.folder();
    mkdirSync(join(dataDir, "locks"));
    const recycled = { pid: process.ppid, startMark: "another boot:1", command: "old", since: "2020-01-01T00:00:00Z" };
    writeFileSync(join(dataDir, "locks", "1-old.json"), JSON.stringify(recycled));
    (await lockDataDir(dataDir)).release();
    expect(readdirSync(join(dataDir, "locks"))).to.be.empty;
  });

  it("end when their parent is killed", async () => {
    const { starter, told } = await startElsewhere(bench.folder());
    expect(told.pids.filter(isAlive)).to.have.length(2);
    starter.kill("SIGKILL");
    await eventually("the end of every child", () => told.pids.filter(isAlive).length === 0);
  });

  it("start on the same data after the parent and Redis's watcher were killed, ending the Redis that was left", async () => {
    const dataDir = bench.folder();
    const { starter, told } = await startElsewhere(dataDir);
    const record = JSON.parse(readFileSync(join(dataDir, "redis.pid"), "utf8")) as { pid: number; watcherPid: number };
    const left = record.pid;
    const redis = connectRedis({ url: told.redisUrl, name: "test" });
    await redis.set("kept", "yes");
    redis.disconnect();
    await rpcTo(told.rpcUrl)("evm_mine");
    const block = await rpcTo(told.rpcUrl)("eth_getBlockByNumber", "0x1", false);
    process.kill(record.watcherPid, "SIGKILL");
    starter.kill("SIGKILL");
    await once(starter, "exit");
    expect(isAlive(left)).to.equal(true);

    const services = await start(dataDir);
    expect(isAlive(left)).to.equal(false);
    const again = connectRedis({ url: services.redisUrl, name: "test" });
    expect(await again.get("kept")).to.equal("yes");
    again.disconnect();
    expect(await rpcTo(services.rpcUrl)("eth_getBlockByNumber", "0x1", false)).to.deep.equal(block);
  });

  it("never kill another process that was given the id of a server of ours", async () => {
    const dataDir = bench.folder();
    const stranger = spawn("sleep", ["60"]);
    starters.push(stranger);
    const record = { pid: stranger.pid, marks: ["redis-server", "127.0.0.1:6399"], folder: join(dataDir, "redis") };
    writeFileSync(join(dataDir, "redis.pid"), JSON.stringify(record));
    await start(dataDir);
    expect(isAlive(stranger.pid ?? -1)).to.equal(true);
  });

  it("report a child that was killed, and start it again at the same address", async () => {
    const told: string[] = [];
    const onExit = ({ service, signal }: ServiceExit) => told.push(`${service} ${signal}`);
    const services = bench.keep(await startServices({ dataDir: null, env: bareEnv({ MONGODB_URI }), onExit }));
    process.kill(services.byName.chain.pid() ?? -1, "SIGKILL");
    await eventually("the news", () => told.length > 0);
    expect(told).to.deep.equal(["chain SIGKILL"]);
    await services.restart("chain");
    expect(await rpcTo(services.rpcUrl)("eth_chainId")).to.equal("0x7a69");
    await services.stop();
    expect(told).to.have.length(1);
  });

  it("stop what had started when one of them fails, and say what it reported", async () => {
    const dataDir = bench.folder();
    // A Redis that is not one.
    const bin = bench.folder();
    writeFileSync(join(bin, "redis-server"), '#!/bin/sh\necho "cannot open the frobnicator" >&2\nexit 3\n', {
      mode: 0o755,
    });
    const refused = await rejectionOf(start(dataDir, { MONGODB_URI, PATH: `${bin}:${process.env["PATH"] ?? ""}` }));
    expect(refused).to.include("redis-server: ended with code 3").and.to.include("cannot open the frobnicator");
    expect(readdirSync(join(dataDir, "locks"))).to.be.empty;
    expect(readdirSync(dataDir)).not.to.include("chain.pid");
  });
});
