import { X509Certificate } from "node:crypto";
import type { Context } from "../../../process/context";
import { defineEndpoint, type Endpoint } from "../../http/endpoint";
import { developmentCertificate } from "./developmentCertificate";
import type { CertificateStore } from "./store";

/** What showing the local authority needs. */
export interface AuthorityDeps extends Pick<Context, "keys" | "clock"> {
  config: Pick<Context["config"], "http" | "presentations" | "production">;
  certificates: CertificateStore;
}

/** The certificate that wallets of a developer have to trust; not mounted where requests are signed by another. */
export function authorityEndpoints(deps: AuthorityDeps): Endpoint[] {
  const { production, presentations, http } = deps.config;
  const isUsed = presentations.clientIdPrefix.startsWith("x509_") && presentations.certificateFile === null;
  if (production || !isUsed) return [];
  return [
    defineEndpoint({
      method: "get",
      path: "/dev/presentation-ca.pem",
      tag: "Development",
      summary: "The local authority whose certificate signs requests for presentations",
      description: "For wallets to trust, on a developer's machine; made at the first start and kept.",
      auth: "none",
      replies: { 200: { description: "PEM.", mediaType: "application/x-pem-file" } },
      handle: async () => {
        const { root } = await developmentCertificate(deps, new URL(http.publicUrl).hostname);
        const headers = { "content-type": "application/x-pem-file" };
        return { status: 200, headers, body: Buffer.from(new X509Certificate(root).toString()) };
      },
    }),
  ];
}
