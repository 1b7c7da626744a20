import type { Context } from "../../process/context";
import { defineModule } from "../http/module";
import type { WatchDeps } from "./watching/actions";
import { internalEndpoints } from "./watching/routes";

export type CommandNeeds = WatchDeps;

/** What gateways ask on the internal port. */
export function createCommands(_context: Context, needs: CommandNeeds) {
  return defineModule({
    name: "commands",
    endpoints: internalEndpoints(needs),
    ports: {},
  });
}
