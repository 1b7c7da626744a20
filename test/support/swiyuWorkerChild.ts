import { systemClock } from "../../core/clock";
import { connectWorker, startGatewayWorker, type WorkerOrders } from "./swiyuStage";

/** Runs a worker of the gateway that dies without any clean-up at a named step: for tests of what a crash leaves behind. */
async function main(): Promise<void> {
  const { orders, dieAt } = JSON.parse(process.argv[2] ?? "") as { orders: WorkerOrders; dieAt: string };
  const connections = await connectWorker(orders);
  await startGatewayWorker(orders, {
    ...{ ...connections, clock: systemClock, write: () => undefined },
    onStep: (step) => {
      if (step === dieAt) process.kill(process.pid, "SIGKILL");
    },
  });
  process.stdout.write("ready\n");
}

void main();
