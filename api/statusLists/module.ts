import type { Context } from "../../process/context";
import { defineModule, type Module } from "../http/module";
import type { StatusListParts } from "./actions";
import { statusListEndpoints } from "./routes";

/** W3C status lists, made from the index. */
export function createStatusLists(
  { config, projection }: Pick<Context, "config" | "projection">,
  needs: Pick<StatusListParts, "signerOf">,
): Module {
  const { publicUrl } = config.http;
  return defineModule({
    name: "statusLists",
    endpoints: statusListEndpoints({ index: projection, publicUrl, signerOf: needs.signerOf }),
    ports: {},
  });
}
