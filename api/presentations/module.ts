import { readFile } from "node:fs/promises";
import type { X509Certificate } from "node:crypto";
import { fetchBytes } from "../../core/fetchBytes";
import { createLruCache } from "../../core/lruCache";
import { DomainError } from "../../core/errors";
import { once } from "../../core/once";
import type { Context } from "../../process/context";
import type { DependencyCheck } from "../../process/health";
import { defineModule } from "../http/module";
import { ownVersion } from "../http/version";
import { authorityEndpoints } from "./certificates/routes";
import { createCertificateStore } from "./certificates/store";
import type { JsonObject } from "../../core/json";
import { presentationSweep } from "./jobs";
import { createFlowMetrics } from "./flow/flowMetrics";
import { flowSweep } from "./flow/jobs";
import { createInjiVerifier } from "./flow/injiVerifier";
import { createOwnVerifier } from "./flow/ownVerifier";
import { flowEndpoints } from "./flow/routes";
import { createFlowStore } from "./flow/store";
import type { ProvenCredential } from "./formats/rules";
import type { Answered, PresentationRequest } from "./rules";
import {
  createRequestSigner,
  parseCertificates,
  type RequestSigner,
  type RequestSignerDeps,
} from "./requests/requestSigner";
import { presentationEndpoints, type PresentationRouteDeps } from "./routes";
import type { CachedList } from "./statuses/foreignLists";
import { requireUnrevoked } from "./statuses/actions";
import { MAX_LIST_BYTES } from "./statuses/tokenStatusList";
import { dcqlQuery } from "./dcql/query";
import { createVerification, readVerification, releaseVerification } from "./management/actions";
import { type AnnounceDeps, announceLater, isAnnounced } from "./management/announcement";
import { managementEndpoints, type ManagementDeps } from "./management/routes";
import { createPresentationStore } from "./store";
import { controllerOf, findIssuerKey, type TrustDeps } from "./trust/actions";
import { createIssuerChains } from "./trust/issuerChains";
import { createListedIssuers } from "./trust/listedIssuers";

/** Lists that are held until they expire: far more than a verifier's credentials name. */
const MAX_CACHED_LISTS = 200;
/** Metadata and key sets of issuers. */
const MAX_METADATA_BYTES = 64 * 1024;
const FETCH_TIMEOUT_MS = 10_000;

type PresentationNeeds = Pick<TrustDeps, "assertionKeys" | "facts"> &
  Pick<RequestSignerDeps, "signerOf"> &
  Pick<PresentationRouteDeps, "findVerifier"> &
  Omit<AnnounceDeps, "presentations">;

/** An OpenID4VP 1.0 verifier: requests, wallets' responses, results. */
export function createPresentations(context: Context, needs: PresentationNeeds) {
  const { config, mongo } = context;
  const signerDeps = { ...context, ...needs, certificates: createCertificateStore(mongo) };
  const fetchWithin = (url: string, accept: string, maxBytes: number) =>
    fetchBytes(url, accept, { maxBytes, timeoutMs: FETCH_TIMEOUT_MS, allowPrivate: !config.production });
  const fetchMetadata = (url: string) => fetchWithin(url, "application/json", MAX_METADATA_BYTES);
  const trust = {
    ...context,
    ...needs,
    issuerChain: createIssuerChains(once(() => readAnchors(config.presentations.trustAnchorsFile))),
    listedIssuerKey: createListedIssuers({ ...context, fetchMetadata }),
  };
  const issuerKey = (issuer: string | undefined, header: JsonObject) => findIssuerKey(trust, issuer, header);
  const statuses = {
    ...trust,
    issuerKey,
    lists: createLruCache<CachedList>(MAX_CACHED_LISTS),
    fetchList: (url: string, accept: string) => fetchWithin(url, accept, MAX_LIST_BYTES),
  };
  const presentations = createPresentationStore(context);
  const signer = once(() => createRequestSigner(signerDeps));
  const { inji } = config.presentationFlow;
  const flowMetrics = createFlowMetrics(context.metrics);
  const requests = {
    ...context,
    presentations,
    signer,
    isAnnounced: (owner: Pick<PresentationRequest, "verifierId">) => isAnnounced(needs, owner),
  };
  const deps = {
    ...requests,
    ...needs,
    flows: createFlowStore(context),
    verifier:
      inji === null
        ? // A flow follows its request itself.
          createOwnVerifier({ ...requests, isAnnounced: () => Promise.resolve(false), version: ownVersion() })
        : createInjiVerifier({ ...context, inji, flowMetrics }),
    flowMetrics,
    issuerKey,
    controllerOf: (did: string) => controllerOf(trust, did),
    announceLater: (answered: Answered) => announceLater({ ...context, ...needs, presentations }, answered),
    requireUnrevoked: (credential: ProvenCredential, now: Date) => requireUnrevoked(statuses, credential, now),
  };
  return defineModule({
    name: "presentations",
    endpoints: [
      ...presentationEndpoints(deps),
      ...managementEndpoints(deps),
      ...flowEndpoints(deps),
      ...authorityEndpoints(signerDeps),
    ],
    workers: [presentationSweep(deps), flowSweep(deps)],
    health: [signerHealth(signer)],
    ports: { verifications: verificationsOf(deps) },
  });
}

/** Whether requests can be signed; in development this makes the certificate at the first start. */
function signerHealth(signer: () => Promise<RequestSigner>): DependencyCheck {
  return {
    name: "presentations",
    required: false,
    async run() {
      try {
        return { clientId: (await signer()).clientId };
      } catch (error) {
        // An installation without a certificate offers no presentations, and misses nothing.
        if (error instanceof DomainError && error.code === "presentation.not_configured") return { clientId: null };
        throw error;
      }
    },
  };
}

/** What a slice that drives verifications asks for. */
interface OrderedVerification {
  /** No verifier's id: names the client that the verification is for. */
  ownerId: string;
  /** A DCQL query; validated here. */
  query: unknown;
  acceptedIssuers: string[];
}

/** Verifications for other slices of this process. */
function verificationsOf(deps: ManagementDeps) {
  return {
    /** @throws DomainError `presentation.not_configured`; ZodError when the query is none */
    async create({ ownerId, query, acceptedIssuers }: OrderedVerification) {
      const signing = { ...deps, signer: await deps.signer() };
      const asked = dcqlQuery.parse(query);
      const { request, walletUrl } = await createVerification(signing, {
        ownerId,
        query: asked,
        responseMode: "direct_post.jwt",
        acceptedIssuers,
      });
      return { verificationId: request.requestId, deepLink: walletUrl };
    },
    read: async (owned: { verificationId: string; ownerId: string }) => (await readVerification(deps, owned)).state,
    release: (owned: { verificationId: string; ownerId: string }) => releaseVerification(deps, owned),
  };
}

async function readAnchors(file: string | null): Promise<readonly X509Certificate[]> {
  return file === null ? [] : parseCertificates(await readFile(file, "utf8"));
}
