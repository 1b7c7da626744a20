import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { findOnPath } from "../findOnPath";

/** What decides how Redis could be installed here. */
export interface Machine {
  platform: NodeJS.Platform;
  isRoot: boolean;
  /** Whether a command is on PATH. */
  has(command: string): boolean;
  /** Whether `sudo` works without asking for a password. */
  sudoIsFree(): Promise<boolean>;
}

/** The commands that install Redis, in order. */
export interface InstallPlan {
  manager: string;
  commands: { argv: string[]; mayFail: boolean }[];
}

/** How people install Redis themselves, for the message that tells them to. */
export const INSTALL_COMMANDS =
  "install it (Debian, Ubuntu: sudo apt-get install redis-server; Fedora: sudo dnf install redis; " +
  "Alpine: apk add redis; macOS: brew install redis) or set REDIS_URL to a server that runs";

const INSTALL_TIMEOUT_MS = 10 * 60_000;

// RUNLEVEL=1 tells Debian's invoke-rc.d not to start the service that the package brings: we start our own.
const QUIET_APT = [
  "env",
  "DEBIAN_FRONTEND=noninteractive",
  "RUNLEVEL=1",
  "apt-get",
  "-y",
  "-o",
  "DPkg::Lock::Timeout=120",
];

/** Decides how to install Redis from this machine's packages; null when this user cannot. */
export async function planInstall(machine: Machine): Promise<InstallPlan | null> {
  const must = (...argv: string[]) => ({ argv, mayFail: false });
  const may = (...argv: string[]) => ({ argv, mayFail: true });
  if (machine.platform === "darwin") {
    return machine.has("brew") ? { manager: "brew", commands: [must("brew", "install", "redis")] } : null;
  }
  if (machine.platform !== "linux") return null;
  if (machine.has("apt-get")) {
    const sudo = machine.isRoot ? [] : machine.has("sudo") && (await machine.sudoIsFree()) ? ["sudo", "-n"] : null;
    if (sudo === null) return null;
    // An update may fail for a source that has nothing to do with Redis; the install fails if it mattered.
    const update = may(...sudo, ...QUIET_APT, "update");
    const install = must(...sudo, ...QUIET_APT, "--no-install-recommends", "install", "redis-server");
    return { manager: "apt-get", commands: [update, install] };
  }
  if (!machine.isRoot) return null;
  if (machine.has("apk")) return { manager: "apk", commands: [must("apk", "add", "--no-cache", "redis")] };
  if (machine.has("dnf")) return { manager: "dnf", commands: [must("dnf", "install", "-y", "redis")] };
  return null;
}

/** This machine, as far as an installation is concerned. */
export function thisMachine(env: NodeJS.ProcessEnv): Machine {
  return {
    platform: process.platform,
    isRoot: process.getuid?.() === 0,
    has: (command) => findOnPath(command, env["PATH"]) !== null,
    sudoIsFree: async () => (await run(["sudo", "-n", "true"], env, 5_000)).ok,
  };
}

/**
 * Runs an installation; reports each command before it runs.
 *
 * @returns null when all went well, else what failed, with the command's last lines
 */
export async function install(
  plan: InstallPlan,
  options: { env: NodeJS.ProcessEnv; report: (line: string) => void; signal?: AbortSignal },
): Promise<string | null> {
  for (const { argv, mayFail } of plan.commands) {
    options.signal?.throwIfAborted();
    options.report(`running: ${argv.join(" ")}`);
    const { ok, lastLines } = await run(argv, options.env, INSTALL_TIMEOUT_MS);
    if (!ok && !mayFail) return `"${argv.join(" ")}" failed: ${lastLines}`;
  }
  return null;
}

async function run(argv: string[], env: NodeJS.ProcessEnv, withinMs: number) {
  const [command = "", ...args] = argv;
  // The command is looked up on the PATH of its environment, not on ours.
  const child = spawn(findOnPath(command, env["PATH"]) ?? command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const addOutput = (chunk: Buffer) => (output = (output + chunk.toString()).slice(-2_000));
  child.stdout.on("data", addOutput);
  child.stderr.on("data", addOutput);
  const ended = new Promise<boolean>((resolve) => {
    child.once("error", (error) => {
      addOutput(Buffer.from(error.message));
      resolve(false);
    });
    child.once("close", (code) => resolve(code === 0));
  });
  const timeout = new AbortController();
  const late = sleep(withinMs, "late" as const, { signal: timeout.signal }).catch(() => "late" as const);
  const result = await Promise.race([ended, late]);
  timeout.abort();
  if (result === "late") child.kill("SIGTERM");
  return { ok: result === true, lastLines: output.trim().split("\n").slice(-6).join("\n        ") };
}
