import type { Context } from "../../process/context";
import { defineModule } from "../http/module";
import { commandsOf, executedOnce } from "./commandEndpoints";
import { commandData } from "./personalData";
import { createCommandStore } from "./store";
import type { WatchDeps } from "./watching/actions";
import { internalEndpoints } from "./watching/routes";

export type CommandNeeds = WatchDeps;

/** What gateways ask on the internal port: sessions and events for themselves, commands for users' devices. */
export function createCommands(context: Context, needs: CommandNeeds) {
  const deps = { ...context, commands: createCommandStore(context) };
  return defineModule({
    name: "commands",
    endpoints: internalEndpoints(needs),
    policy: (endpoints) => [...endpoints, ...commandsOf(endpoints)].map((endpoint) => executedOnce(endpoint, deps)),
    ports: { personalData: commandData(deps) },
  });
}
