import { connectRedis } from "../../../core/redis";
import type { MockApiProcessOptions } from "./gatewayProcess";
import { startMockApi } from "./mockApi";

/** A mock of the API that can be killed. Prints where it listens, and ends with its standard input. */
async function main(): Promise<void> {
  const { redisUrl, prefix, port, dieAt } = JSON.parse(process.argv[2] ?? "") as MockApiProcessOptions;
  const redis = connectRedis({ url: redisUrl, name: "mock-api" });
  const { url } = await startMockApi({
    redis,
    prefix,
    port,
    onStep: (step) => {
      if (step === dieAt) process.kill(process.pid, "SIGKILL");
    },
  });
  process.stdout.write(`${JSON.stringify({ ready: true, url })}\n`);
  process.stdin.on("end", () => process.exit(0)).resume();
}

void main();
