import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf } from "../../core/errors";
import type { Service } from "../../embedded/service";

/** The environment without the servers that the suite itself uses, so that a test starts its own. */
export function bareEnv(overrides: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const bare: NodeJS.ProcessEnv = { ...process.env, CAIRN_MONGO: "", CAIRN_MONGO_DOWNLOAD: "", ...overrides };
  for (const name of ["MONGODB_URI", "REDIS_URL", "RPC_URL", "NODE_ENV"]) if (!(name in overrides)) bare[name] = "";
  return bare;
}

/** Temporary folders and services of one test; `clear` ends and removes everything. */
export function workbench() {
  const folders: string[] = [];
  const parts: { stop(): Promise<void> }[] = [];
  return {
    folder(): string {
      const folder = mkdtempSync(join(tmpdir(), "cairn-embedded-"));
      folders.push(folder);
      return folder;
    },
    keep<T extends { stop(): Promise<void> }>(service: T): T {
      parts.push(service);
      return service;
    },
    async clear(): Promise<void> {
      await Promise.all(parts.splice(0).map((service) => service.stop()));
      for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Kills a service's server as the kernel would, and waits until that was noticed. */
export async function killHard(service: Service, exits: unknown[]): Promise<void> {
  const before = exits.length;
  process.kill(service.pid()!, "SIGKILL");
  while (exits.length === before) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** JSON-RPC to one chain. */
export function rpcTo(url: string) {
  let id = 0;
  return async <T = string>(method: string, ...params: unknown[]): Promise<T> => {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: ++id, method, params }),
    });
    const answer = (await response.json()) as { result: T; error?: { message: string } };
    if (answer.error !== undefined) throw new Error(`${method}: ${answer.error.message}`);
    return answer.result;
  };
}

/** The message a promise is rejected with. Throws when it is not rejected. */
export async function rejectionOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
  } catch (error) {
    return messageOf(error);
  }
  throw new Error("nothing was refused");
}
