import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { endOrphan } from "../../embedded/child";
import { lockDataDir } from "../../embedded/folderLock";

/** What a local Cairn stores in its data folder, by the variable that names a server of its own in its place. */
const CONTENTS: { belongsTo?: string; names: RegExp }[] = [
  { belongsTo: "RPC_URL", names: /^chain$/ },
  // With the database goes what is encrypted in it with the keys, and who the demo's Alice is.
  { belongsTo: "MONGODB_URI", names: /^(mongo|mongod-[\d.]+|mongo-folder|keys|mailbox|alice\.json)$/ },
  { belongsTo: "REDIS_URL", names: /^redis$/ },
  { names: /^(deployments|gateway-keys|gateway-service\.key)$/ },
];
const PID_FILES = ["chain.pid", "mongo.pid", "redis.pid"];

/**
 * Empties a data folder for a fresh start: the chain, the databases, keys and records of deployments. Ports and logs
 * stay, and so does the data of servers that the environment names.
 *
 * @throws BootError naming the process that uses the folder
 */
export async function emptyDataDir(
  dataDir: string,
  { env, report }: { env: NodeJS.ProcessEnv; report(line: string): void },
): Promise<void> {
  if (!existsSync(dataDir)) return;
  const lock = await lockDataDir(dataDir);
  try {
    // A Cairn that was killed may have left its servers running, which would go on writing.
    for (const name of PID_FILES) await endOrphan(join(dataDir, name));
    for (const { belongsTo, names } of CONTENTS) {
      if (belongsTo !== undefined && (env[belongsTo] ?? "") !== "") {
        report(`${belongsTo} names a server of its own, whose data stays`);
        continue;
      }
      const found = readdirSync(dataDir).filter((name) => names.test(name));
      for (const name of found) rmSync(join(dataDir, name), { recursive: true, force: true });
    }
  } finally {
    lock.release();
  }
  report(`the data in ${dataDir} is removed; starting fresh`);
}
