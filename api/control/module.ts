import type { Context } from "../../process/context";
import { defineModule } from "../http/module";
import type { ControlDeps } from "./actions";
import { controlGauge } from "./metrics";
import { controlEndpoints } from "./routes";
import { CONTROL } from "./sending/actions";
import { controlData } from "./personalData";
import { createControlJobs } from "./sending/jobs";
import { controlHandler } from "./sending/relayHandler";
import { createOperationStore } from "./store";

/** Control of identities: naming a successor, rotating to it, changing the controller, voiding consents. */
export function createControl(
  context: Context,
  needs: Pick<ControlDeps, "walletsOf" | "isBeingAnchored" | "requireVerified" | "requireConfirmedEmail">,
) {
  const { queue, enqueueOperation, worker } = createControlJobs(context);
  const operations = createOperationStore(context.mongo);
  const deps = { ...context, ...needs, operations, enqueueOperation };
  return defineModule({
    name: "control",
    endpoints: controlEndpoints(deps),
    queues: [queue],
    relayHandlers: { [CONTROL]: controlHandler(deps) },
    workers: [worker(deps)],
    metrics: [controlGauge(operations)],
    ports: { personalData: controlData(deps) },
  });
}
