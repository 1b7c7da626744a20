import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { connectRedis } from "../../core/redis";
import { findOnPath } from "../../embedded/findOnPath";
import type { Service, ServiceExit } from "../../embedded/service";
import { type Machine, planInstall } from "../../embedded/redis/install";
import { startRedis } from "../../embedded/startRedis";
import { bareEnv, killHard, rejectionOf, workbench } from "./workbench";

describe("the embedded Redis", () => {
  const bench = workbench();
  afterEach(() => bench.clear());

  async function set(service: Service, key: string, value: string): Promise<void> {
    const redis = connectRedis({ url: service.url, name: "test" });
    await redis.set(key, value);
    redis.disconnect();
  }

  async function get(service: Service, key: string): Promise<string | null> {
    const redis = connectRedis({ url: service.url, name: "test" });
    const value = await redis.get(key);
    redis.disconnect();
    return value;
  }

  it("keeps its data through a stop, through SIGKILL, and at the next start", async () => {
    const dataDir = bench.folder();
    const exits: ServiceExit[] = [];
    const options = { dataDir, persistent: true, env: bareEnv(), onExit: (exit: ServiceExit) => exits.push(exit) };
    const first = bench.keep(await startRedis(options));
    await set(first, "written", "before");
    await killHard(first, exits);
    await first.restart();
    expect(await get(first, "written")).to.equal("before");
    await first.stop();

    const second = bench.keep(await startRedis(options));
    expect(await get(second, "written")).to.equal("before");
    expect(second.where).to.match(/^redis-server \d+\.\d+\.\d+ on 127\.0\.0\.1:\d+$/);
  });

  it("listens on loopback alone and never evicts a key", async () => {
    const service = bench.keep(await startRedis({ dataDir: bench.folder(), persistent: false, env: bareEnv() }));
    const redis = connectRedis({ url: service.url, name: "test" });
    expect(await redis.config("GET", "bind")).to.deep.equal(["bind", "127.0.0.1"]);
    expect(await redis.config("GET", "maxmemory-policy")).to.deep.equal(["maxmemory-policy", "noeviction"]);
    redis.disconnect();
  });

  it("runs several at once, each with a folder of its own", async () => {
    const start = () => startRedis({ dataDir: bench.folder(), persistent: false, env: bareEnv() });
    const parts = await Promise.all([start(), start(), start()]);
    parts.forEach((service) => bench.keep(service));
    await Promise.all(parts.map((service, index) => set(service, "who", String(index))));
    expect(await Promise.all(parts.map((service) => get(service, "who")))).to.deep.equal(["0", "1", "2"]);
  });

  describe("when redis-server is not on PATH", () => {
    /** A PATH with what a shell script needs, and nothing else. */
    function barePath(): string {
      const bin = join(bench.folder(), "bin");
      mkdirSync(bin);
      for (const command of ["sh", "env", "ln", "node"])
        symlinkSync(findOnPath(command, process.env["PATH"])!, join(bin, command));
      return bin;
    }

    function machine(bin: string, overrides: Partial<Machine> = {}): Machine {
      const has = (command: string) => findOnPath(command, bin) !== null;
      return { platform: "linux", isRoot: true, has, sudoIsFree: () => Promise.resolve(false), ...overrides };
    }

    function fakeAptGet(bin: string, install: string): string {
      const log = join(bin, "..", "apt.log");
      const script = `#!/bin/sh\necho "$DEBIAN_FRONTEND $RUNLEVEL $*" >> ${log}\ncase "$*" in *update) exit 100;; esac\n${install}\n`;
      writeFileSync(join(bin, "apt-get"), script, { mode: 0o755 });
      return log;
    }

    it("installs it from the system's packages, reports it, and starts it", async () => {
      const bin = barePath();
      const log = fakeAptGet(
        bin,
        `ln -s ${findOnPath("redis-server", process.env["PATH"])} ${join(bin, "redis-server")}`,
      );
      const said: string[] = [];
      const options = { dataDir: bench.folder(), persistent: false, env: bareEnv({ PATH: bin }) };
      const report = ({ line }: { line: string }) => said.push(line);
      const service = bench.keep(await startRedis({ ...options, report }, machine(bin)));
      await set(service, "works", "yes");

      expect(said[0]).to.include("redis-server is not on PATH; installing it with apt-get");
      expect(said.filter((line) => line.startsWith("running: "))).to.have.length(2);
      const calls = readFileSync(log, "utf8").trim().split("\n");
      // An update that fails for some other source does not stop the install.
      expect(calls.map((call) => call.split(" ").slice(0, 2).join(" "))).to.deep.equal([
        "noninteractive 1",
        "noninteractive 1",
      ]);
      expect(calls[0]).to.match(/ update$/);
      expect(calls[1]).to.match(/ install redis-server$/);
    });

    it("reports the error of the package manager, and how to get a Redis", async () => {
      const bin = barePath();
      fakeAptGet(bin, 'echo "E: Unable to locate package redis-server" >&2; exit 100');
      const options = { dataDir: bench.folder(), persistent: false, env: bareEnv({ PATH: bin }) };
      const refused = await rejectionOf(startRedis(options, machine(bin)));
      expect(refused).to.include("E: Unable to locate package redis-server");
      expect(refused).to.include("sudo apt-get install redis-server").and.to.include("or set REDIS_URL");
    });

    it("says how to get a Redis when this user cannot install one, and runs nothing", async () => {
      const bin = barePath();
      const log = fakeAptGet(bin, "exit 0");
      const options = { dataDir: bench.folder(), persistent: false, env: bareEnv({ PATH: bin }) };
      const refused = await rejectionOf(startRedis(options, machine(bin, { isRoot: false })));
      for (const text of [
        "REDIS_URL",
        "sudo apt-get install redis-server",
        "sudo dnf install redis",
        "apk add redis",
        "brew install redis",
      ]) {
        expect(refused).to.include(text);
      }
      expect(existsSync(log)).to.equal(false);
    });

    it("knows each system's package manager and what it may use", async () => {
      const plan = (platform: NodeJS.Platform, commands: string[], isRoot: boolean, sudo = false) =>
        planInstall({
          platform,
          isRoot,
          has: (command) => commands.includes(command),
          sudoIsFree: () => Promise.resolve(sudo),
        });
      expect((await plan("linux", ["apk"], true))?.manager).to.equal("apk");
      expect((await plan("linux", ["dnf"], true))?.manager).to.equal("dnf");
      expect((await plan("darwin", ["brew"], false))?.commands[0]?.argv).to.deep.equal(["brew", "install", "redis"]);
      const bySudo = await plan("linux", ["apt-get", "sudo"], false, true);
      expect(bySudo?.commands.map(({ argv }) => argv.slice(0, 2))).to.deep.equal([
        ["sudo", "-n"],
        ["sudo", "-n"],
      ]);
      expect(await plan("linux", ["apt-get", "sudo"], false)).to.equal(null);
      expect(await plan("linux", ["dnf"], false)).to.equal(null);
      expect(await plan("darwin", [], false)).to.equal(null);
      expect(await plan("win32", ["apt-get"], false)).to.equal(null);
    });
  });
});
