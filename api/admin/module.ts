import type { Context } from "../../process/context";
import { defineModule } from "../http/module";
import { authenticateAdmin } from "./actions";

/** The administrator: one API key, from the configuration. */
export function createAdmin({ config }: Pick<Context, "config">) {
  return defineModule({
    name: "admin",
    ports: {
      // Async, so that a wrong key is a rejected promise as it is for the other kinds of key.
      authenticate: async (key: string) => Promise.resolve(authenticateAdmin(config, key)),
    },
  });
}
