import { createLruCache } from "../../core/lruCache";
import type { Context } from "../../process/context";
import { defineModule, type Module } from "../http/module";
import type { StatusListDeps } from "./actions";
import { statusListEndpoints } from "./routes";

const MAX_SIGNED_LISTS = 256;

/** W3C status lists, made from the index. */
export function createStatusLists(
  { config, projection }: Pick<Context, "config" | "projection">,
  { signerOf }: Pick<StatusListDeps, "signerOf">,
): Module {
  const { publicUrl } = config.http;
  const signedLists = createLruCache<string>(MAX_SIGNED_LISTS);
  return defineModule({
    name: "statusLists",
    endpoints: statusListEndpoints({ projection, publicUrl, signerOf, signedLists }),
    ports: {},
  });
}
