import type { Context } from "../../process/context";
import { defineModule } from "../http/module";
import { didEndpoints } from "./routes";

/** DID resolution from the index. */
export function createDids(context: Pick<Context, "chain" | "clock" | "projection">) {
  return defineModule({ name: "dids", endpoints: didEndpoints(context), ports: {} });
}
