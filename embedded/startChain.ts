import { join } from "node:path";
import { chainAnswers } from "./readiness";
import { startScript } from "./child";
import { givenService, makeFolder, type Service, type ServiceOptions, runService } from "./service";
import { refuseInProduction } from "./production";

/** The line of standard output by which the child says that it is ready. */
interface ReadyLine {
  ready: true;
  /** For people, for instance that an old journal was renamed. */
  notes?: string[];
}

/**
 * Gives a chain to use: the one `RPC_URL` names, else a Hardhat node as a child process on loopback (HTTP and WebSocket
 * on one port, chain id 31337, Hardhat's 20 well-known accounts). When persistent it writes a journal to
 * `<dataDir>/chain` and restarts with the same blocks, by hash, however it ended.
 *
 * @throws BootError when it does not start
 */
export async function startChain(options: ServiceOptions): Promise<Service> {
  const given = options.env["RPC_URL"];
  if (given !== undefined && given !== "") return givenService("chain", given, "given by RPC_URL");
  refuseInProduction(options.env, "RPC_URL");

  const dataDir = makeFolder(join(options.dataDir, "chain"));
  const pidFile = join(makeFolder(options.dataDir), "chain.pid");
  const memory = options.persistent ? ["--data", dataDir] : ["--in-memory", dataDir];
  let ready = false;
  return runService(
    {
      name: "chain",
      how: "embedded",
      title: "Hardhat node",
      dataDir,
      pidFile,
      startTimeoutMs: 60_000,
      launch(port) {
        ready = false;
        const child = startScript("embedded/chain/main.ts", ["--port", String(port), ...memory], {
          pidFile,
          record: { marks: [join("chain", "main.ts"), dataDir], folder: join(__dirname, "..") },
          env: { ...options.env, HARDHAT_DISABLE_TELEMETRY_PROMPT: "true" },
        });
        child.onLine((line) => {
          if (!line.startsWith('{"ready":true')) return;
          ready = true;
          for (const note of (JSON.parse(line) as ReadyLine).notes ?? [])
            options.report?.({ service: "chain", line: note });
        });
        return child;
      },
      isReady: async (port) => ready && chainAnswers(port),
      url: (port) => `http://127.0.0.1:${port}`,
      where: (port) => `Hardhat node on 127.0.0.1:${port}`,
    },
    options,
  );
}
