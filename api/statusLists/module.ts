import { createLruCache } from "../../core/lruCache";
import type { Context } from "../../process/context";
import { defineModule } from "../http/module";
import type { StatusListDeps } from "./actions";
import { statusListEndpoints } from "./routes";

const MAX_SIGNED_LISTS = 256;

/** W3C status lists, made from the index. */
export function createStatusLists(context: Context, { signerOf }: Pick<StatusListDeps, "signerOf">) {
  const signedLists = createLruCache<string>(MAX_SIGNED_LISTS);
  return defineModule({
    name: "statusLists",
    endpoints: statusListEndpoints({ ...context, signerOf, signedLists }),
    ports: {},
  });
}
