import { parseArgs } from "node:util";
import { startEmbeddedMongo } from "./server";

/*
 * The embedded MongoDB server as a process of its own:
 *   node --require ./scripts/typescript.cjs embedded/mongo/main.ts [--port N] [--host ADDRESS] [--data FOLDER] [--die-with-parent]
 * When it listens it prints one line of JSON, {"ready":true,"port":N}; what concerns its folder, and, without a parent
 * to die with, that it is for development, goes to standard error. SIGTERM and SIGINT end it cleanly; so does the
 * end of its standard input with --die-with-parent, which is how it learns that its parent was killed.
 */
const FOR_DEVELOPMENT =
  "embedded mongo: this server is for development and tests. It has no authentication and no replicas, implements what " +
  "Cairn uses of MongoDB, and holds all data in memory. For data that has to last run MongoDB and set MONGODB_URI.";

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "0" },
      host: { type: "string", default: "127.0.0.1" },
      data: { type: "string" },
      "die-with-parent": { type: "boolean", default: false },
    },
  });
  const server = await startEmbeddedMongo({
    port: Number(values.port),
    host: values.host,
    dataFolder: values.data,
    environment: process.env.NODE_ENV,
  });
  const stop = (): void => {
    void server.close().then(() => process.exit(0));
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  if (values["die-with-parent"]) {
    process.stdin.on("end", stop).on("error", stop).resume();
  }
  if (!values["die-with-parent"]) process.stderr.write(`${FOR_DEVELOPMENT}\n`);
  process.stdout.write(`${JSON.stringify({ ready: true, port: server.port })}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
