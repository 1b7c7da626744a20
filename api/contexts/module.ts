import type { Context } from "../../process/context";
import { defineModule } from "../http/module";
import { contextEndpoints } from "./routes";

/** The JSON-LD context of the terms of our own. */
export function createContexts(context: Pick<Context, "config">) {
  return defineModule({ name: "contexts", endpoints: contextEndpoints(context), ports: {} });
}
