import { readFile } from "node:fs/promises";
import type { X509Certificate } from "node:crypto";
import { fetchBytes } from "../../core/fetchBytes";
import { createLruCache } from "../../core/lruCache";
import type { Context } from "../../process/context";
import { defineModule } from "../http/module";
import { createCertificateStore } from "./certificates/store";
import type { JsonObject } from "./formats/json";
import { presentationSweep } from "./jobs";
import type { ProvenCredential } from "./formats/rules";
import { createRequestSigner, parseCertificates, type RequestSignerDeps } from "./requests/requestSigner";
import { presentationEndpoints, type PresentationRouteDeps } from "./routes";
import type { CachedList } from "./statuses/foreignLists";
import { requireUnrevoked } from "./statuses/actions";
import { MAX_LIST_BYTES } from "./statuses/tokenStatusList";
import { createPresentationStore } from "./store";
import { controllerOf, findIssuerKey, type TrustDeps } from "./trust/actions";

/** Lists that are held until they expire: far more than a verifier's credentials name. */
const MAX_CACHED_LISTS = 200;
const LIST_TIMEOUT_MS = 10_000;

type PresentationNeeds = Pick<TrustDeps, "assertionKeys" | "facts"> &
  Pick<RequestSignerDeps, "signerOf"> &
  Pick<PresentationRouteDeps, "findVerifier">;

/** An OpenID4VP 1.0 verifier: requests, wallets' responses, results. */
export function createPresentations(context: Context, needs: PresentationNeeds) {
  const { config, mongo } = context;
  const signerDeps = { ...context, ...needs, certificates: createCertificateStore(mongo) };
  const trust = { ...context, ...needs, anchors: once(() => readAnchors(config.presentations.trustAnchorsFile)) };
  const issuerKey = (issuer: string | undefined, header: JsonObject) => findIssuerKey(trust, issuer, header);
  const statuses = {
    ...trust,
    issuerKey,
    lists: createLruCache<CachedList>(MAX_CACHED_LISTS),
    fetchList: (url: string, accept: string) =>
      fetchBytes(url, accept, {
        maxBytes: MAX_LIST_BYTES,
        timeoutMs: LIST_TIMEOUT_MS,
        allowPrivate: !config.production,
      }),
  };
  const deps = {
    ...context,
    ...needs,
    presentations: createPresentationStore(context),
    signer: once(() => createRequestSigner(signerDeps)),
    issuerKey,
    controllerOf: (did: string) => controllerOf(trust, did),
    requireUnrevoked: (credential: ProvenCredential, now: Date) => requireUnrevoked(statuses, credential, now),
  };
  return defineModule({
    name: "presentations",
    endpoints: presentationEndpoints(deps),
    workers: [presentationSweep(deps)],
    ports: {},
  });
}

async function readAnchors(file: string | null): Promise<readonly X509Certificate[]> {
  return file === null ? [] : parseCertificates(await readFile(file, "utf8"));
}

/** Makes something when it is first needed, once; what failed is tried again by the next who needs it. */
function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined;
  return async () => {
    made ??= make();
    try {
      return await made;
    } catch (error) {
      made = undefined;
      throw error;
    }
  };
}
