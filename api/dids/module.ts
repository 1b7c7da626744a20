import type { Context } from "../../process/context";
import { defineModule } from "../http/module";
import type { DidDeps } from "./actions";
import { didEndpoints } from "./routes";

/** DID resolution from the index. */
export function createDids(
  context: Pick<Context, "chain" | "clock" | "config" | "projection">,
  { assertionKeys }: Pick<DidDeps, "assertionKeys">,
) {
  return defineModule({ name: "dids", endpoints: didEndpoints({ ...context, assertionKeys }), ports: {} });
}
