import { assertNever } from "../../../core/errors";
import { createHash } from "node:crypto";

/** What a client identifier is made of, by how it is proved (OpenID4VP 1.0 §5.9.3). */
export type ClientIdentifierInput =
  | { prefix: "x509_san_dns" | "redirect_uri"; responseUri: string }
  | { prefix: "x509_hash"; leaf: Uint8Array }
  | { prefix: "decentralized_identifier"; did: string };

/** The `client_id` of a request, prefix included: the audience of every presentation. */
export function clientIdOf(input: ClientIdentifierInput): string {
  switch (input.prefix) {
    case "x509_san_dns":
      return `x509_san_dns:${new URL(input.responseUri).hostname}`;
    case "x509_hash":
      return `x509_hash:${createHash("sha256").update(input.leaf).digest("base64url")}`;
    case "decentralized_identifier":
      return `decentralized_identifier:${input.did}`;
    case "redirect_uri":
      return `redirect_uri:${input.responseUri}`;
    default:
      return assertNever(input);
  }
}
