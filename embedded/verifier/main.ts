import { parseArgs } from "node:util";
import { startMockVerifier } from "./mockVerifier";

/*
 * The mock of a swiyu verifier as a process of its own:
 *   node --require ./scripts/typescript.cjs embedded/verifier/main.ts [--port 8083] [--webhook http://localhost:3000/notification] [--api-key KEY]
 * Its deep links lead to the page on which a person answers for the wallet. SIGTERM and SIGINT end it.
 */
async function main(): Promise<void> {
  if (process.env.NODE_ENV === "production")
    throw new Error("The mock verifier verifies nothing: it does not run in production.");
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "8083" },
      webhook: { type: "string", default: "http://localhost:3000/notification" },
      "api-key": { type: "string" },
    },
  });
  const value = values["api-key"];
  const apiKey = value === undefined ? undefined : { header: "x-api-key", value };
  const verifier = await startMockVerifier({
    port: Number(values.port),
    deepLinks: "wallet",
    webhook: { url: values.webhook, apiKey },
  });
  const stop = () => void verifier.close().then(() => process.exit(0));
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  process.stdout.write(`A mock of a swiyu verifier listens at ${verifier.url}; its webhooks go to ${values.webhook}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
