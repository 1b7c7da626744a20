import { createInternalApp } from "../../api/http/internalApp";
import { createPublicApp } from "../../api/http/publicApp";
import { listen } from "../../api/http/server";
import { callersOf, createModules } from "../../api/modules";
import { startWorkers } from "../../api/workers";
import { createLogger } from "../../core/logger";
import { type CrashPoint, crashAt } from "./crashPoints";
import { chosen, type ModuleName } from "./fixture";
import { type ContextOptions, createTestContext } from "./testContext";

/** The first argument of a child process, as JSON. */
export interface ChildOptions {
  context: ContextOptions;
  modules?: ModuleName[] | undefined;
  /** Whether it serves the API, runs the workers, or both. */
  serves?: boolean;
  works?: boolean;
  /** The gateway's public key, where it serves the internal port too. */
  gatewayKey?: string;
  withChain: boolean;
  /** The named step at which it kills itself, as `kill -9` would. */
  dieAt?: string | null;
  /** Of the relayer's transactions only those of this kind. */
  dieAtKind?: string;
  /** The command or call at which it kills itself. */
  crash?: CrashPoint | undefined;
}

/**
 * Cairn in a process of its own, which may die without any clean-up: for tests of what a crash leaves behind. Prints
 * `{"port":n,"internalPort":n}` when it is ready, and ends with its standard input.
 */
async function main(): Promise<void> {
  const options = JSON.parse(process.argv[2] ?? "") as ChildOptions;
  const logger = createLogger({ processName: "worker", logLevel: "silent" });
  const { environment } = options.context;
  // The driver emits events of commands only on connections that were opened with this option.
  const watched = { ...environment, MONGODB_URI: `${environment["MONGODB_URI"] ?? ""}?monitorCommands=true` };
  const { context } = await createTestContext(
    { ...options.context, environment: watched },
    {
      logger,
      withChain: options.withChain,
      blocking: options.works === true,
      onStep: (step, kind) => {
        if (step === options.dieAt && (options.dieAtKind === undefined || kind === options.dieAtKind)) {
          process.kill(process.pid, "SIGKILL");
        }
      },
    },
  );
  if (options.crash !== undefined) crashAt(options.crash, context);
  const modules = createModules(context);
  const list = chosen(modules, options.modules);
  if (options.works === true) startWorkers(context, list);
  let port = 0;
  if (options.serves === true) {
    const readiness = () => Promise.resolve({ status: "ready" as const, dependencies: {} });
    const { app } = createPublicApp(context, list, { ...callersOf(modules), readiness });
    port = (await listen(app, { host: "127.0.0.1", port: 0 })).port;
  }
  let internalPort = 0;
  if (options.gatewayKey !== undefined) {
    const { authenticateDevice } = callersOf(modules);
    const { app } = createInternalApp(context, list, { publicKeys: [options.gatewayKey], authenticateDevice });
    internalPort = (await listen(app, { host: "127.0.0.1", port: 0 })).port;
  }
  process.stdout.write(`${JSON.stringify({ port, internalPort })}\n`);
  process.stdin.on("end", () => process.exit(0)).resume();
}

main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
