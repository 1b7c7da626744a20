import type { Context } from "../../process/context";
import { defineModule, type Module } from "../http/module";
import { didEndpoints } from "./routes";

/** DID resolution from the index. */
export function createDids({ chain, clock, projection }: Pick<Context, "chain" | "clock" | "projection">): Module {
  return defineModule({
    name: "dids",
    endpoints: didEndpoints({
      projection,
      method: chain.deployment.didMethod,
      chainId: chain.chainId,
      clock,
    }),
    ports: {},
  });
}
