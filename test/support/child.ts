import { createPublicApp } from "../../api/http/publicApp";
import { listen } from "../../api/http/server";
import { callersOf, createModules } from "../../api/modules";
import { startWorkers } from "../../api/workers";
import { createLogger } from "../../core/logger";
import { type CrashPoint, crashAt } from "./crashPoints";
import { chosen, type ModuleName } from "./fixture";
import { type ContextOrders, createTestContext } from "./testContext";

/** What a child process is told, as JSON in its first argument. */
export interface ChildOrders {
  context: ContextOrders;
  modules?: ModuleName[] | undefined;
  /** Whether it serves the API, runs the workers, or both. */
  serves?: boolean;
  works?: boolean;
  withChain: boolean;
  /** The named step at which it kills itself, as `kill -9` would. */
  dieAt?: string | null;
  /** The command or call at which it kills itself. */
  crash?: CrashPoint | undefined;
}

/**
 * Cairn in a process of its own, which may die without any clean-up: for tests of what a crash leaves behind. Says
 * `{"port":n}` on standard output when it is ready, and ends with its standard input.
 */
async function main(): Promise<void> {
  const orders = JSON.parse(process.argv[2] ?? "") as ChildOrders;
  const logger = createLogger({ processName: "worker", logLevel: "silent" });
  const { environment } = orders.context;
  // The driver tells of commands only on connections that were opened for that.
  const watched = { ...environment, MONGODB_URI: `${environment["MONGODB_URI"] ?? ""}?monitorCommands=true` };
  const { context } = await createTestContext(
    { ...orders.context, environment: watched },
    {
      logger,
      withChain: orders.withChain,
      blocking: orders.works === true,
      onStep: (step) => {
        if (step === orders.dieAt) process.kill(process.pid, "SIGKILL");
      },
    },
  );
  if (orders.crash !== undefined) crashAt(orders.crash, context);
  const modules = createModules(context);
  const list = chosen(modules, orders.modules);
  if (orders.works === true) startWorkers(context, list);
  let port = 0;
  if (orders.serves === true) {
    const readiness = () => Promise.resolve({ status: "ready" as const, dependencies: {} });
    const { app } = createPublicApp(context, list, { ...callersOf(modules), readiness });
    port = (await listen(app, { host: "127.0.0.1", port: 0 })).port;
  }
  process.stdout.write(`${JSON.stringify({ port })}\n`);
  process.stdin.on("end", () => process.exit(0)).resume();
}

main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
