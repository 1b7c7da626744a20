import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { BootError } from "../core/errors";
import { redisAnswers } from "./readiness";
import { startWithParentWatch } from "./child";
import { findOnPath } from "./findOnPath";
import { givenService, makeFolder, type Service, type ServiceOptions, runService } from "./service";
import { refuseInProduction } from "./production";
import { install, INSTALL_COMMANDS, type Machine, planInstall, thisMachine } from "./redis/install";

/**
 * Gives a Redis to use: the one `REDIS_URL` names, else `redis-server` from PATH as a child process on loopback with
 * its data in `<dataDir>/redis`, installed from the operating system's packages first when it is missing and this user
 * may do that.
 *
 * @param machine decides whether and how to install
 * @throws BootError that says how to get a Redis, or why it did not start
 */
export async function startRedis(
  options: ServiceOptions,
  machine: Machine = thisMachine(options.env),
): Promise<Service> {
  const given = options.env["REDIS_URL"];
  if (given !== undefined && given !== "") return givenService("redis", given, "given by REDIS_URL");
  refuseInProduction(options.env, "REDIS_URL");

  const binary = await findOrInstall(options, machine);
  const version = await versionOf(binary);
  const dataDir = makeFolder(join(options.dataDir, "redis"));
  const pidFile = join(makeFolder(options.dataDir), "redis.pid");
  return runService(
    {
      name: "redis",
      how: "child",
      title: "redis-server",
      dataDir,
      pidFile,
      startTimeoutMs: 20_000,
      launch: (port) =>
        startWithParentWatch(binary, redisArguments(port, dataDir, options.persistent), {
          pidFile,
          // Redis rewrites its own command line to its name and address.
          record: { marks: ["redis-server", `127.0.0.1:${port}`], folder: dataDir },
          env: options.env,
        }),
      isReady: redisAnswers,
      url: (port) => `redis://127.0.0.1:${port}`,
      where: (port) => `redis-server ${version} on 127.0.0.1:${port}`,
    },
    options,
  );
}

function redisArguments(port: number, dataDir: string, persistent: boolean): string[] {
  const settings: Record<string, string> = {
    port: String(port),
    bind: "127.0.0.1",
    "protected-mode": "yes",
    dir: dataDir,
    daemonize: "no",
    // Queues must never lose a job to make room for another.
    "maxmemory-policy": "noeviction",
    appendonly: persistent ? "yes" : "no",
    save: "",
  };
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}

async function findOrInstall(options: ServiceOptions, machine: Machine): Promise<string> {
  const found = findOnPath("redis-server", options.env["PATH"]);
  if (found !== null) return found;

  const report = (line: string) => options.report?.({ service: "redis", line });
  const plan = await planInstall(machine);
  if (plan === null) throw missing("redis-server is not on PATH, and this user cannot install packages here");
  report(
    `redis-server is not on PATH; installing it with ${plan.manager} (Cairn starts its own, on a port of its own)`,
  );
  const error = await install(plan, { env: options.env, report, ...(options.signal && { signal: options.signal }) });
  if (error !== null) throw missing(`redis-server is not on PATH, and installing it did not work: ${error}`);
  const installed = findOnPath("redis-server", options.env["PATH"]);
  if (installed === null) throw missing(`${plan.manager} installed Redis, but redis-server is still not on PATH`);
  report(`installed ${installed}`);
  return installed;
}

function missing(problem: string): BootError {
  return new BootError("local services", [{ subject: "REDIS_URL", problem, fix: INSTALL_COMMANDS }]);
}

/** For people only: a binary that does not print its version fails visibly when it is started. */
async function versionOf(binary: string): Promise<string> {
  const output = await promisify(execFile)(binary, ["--version"], { timeout: 5_000 }).catch(() => null);
  return /v=([\d.]+)/.exec(output?.stdout ?? "")?.[1] ?? "of unknown version";
}
