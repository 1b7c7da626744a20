import { createLruCache } from "../../core/lruCache";
import type { Context } from "../../process/context";
import { defineModule } from "../http/module";
import type { StatusListDeps } from "./actions";
import { statusListEndpoints } from "./routes";
import { tokenListEndpoints } from "./tokens/routes";

const MAX_SIGNED_LISTS = 256;

/** W3C and Token Status Lists, made from the index. */
export function createStatusLists(context: Context, { signerOf }: Pick<StatusListDeps, "signerOf">) {
  const signedLists = createLruCache<string>(MAX_SIGNED_LISTS);
  const deps = { ...context, signerOf, signedLists };
  return defineModule({
    name: "statusLists",
    endpoints: [...statusListEndpoints(deps), ...tokenListEndpoints(deps)],
    ports: {},
  });
}
