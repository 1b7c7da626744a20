import { BootError } from "../../core/errors";
import type { Endpoint, RejectionDescription } from "../http/endpoint";

/**
 * Lets only verified holders pass; for whatever needs one, be it a route or an issuer's rule.
 *
 * @throws DomainError `kyc.required`
 */
export type RequireKyc = (userId: string) => Promise<unknown>;

/** What an operation with {@link RequireKyc} adds to its rejections. */
export const KYC_REQUIRED: RejectionDescription = {
  code: "kyc.required",
  kind: "forbidden",
  meaning: "This needs a verified identity; `kycStatus` says where the verification stands.",
};

/** Makes an operation of users ask for a verified holder, and say so in its description. */
export function requireKycFor(endpoint: Endpoint, requireKyc: RequireKyc): Endpoint {
  return {
    ...endpoint,
    rejections: [...(endpoint.rejections ?? []), KYC_REQUIRED],
    async handle(input, context) {
      const { caller } = input;
      if (caller === undefined || !("userId" in caller)) throw new Error(`${nameOf(endpoint)} has no user to verify.`);
      await requireKyc(caller.userId);
      return endpoint.handle(input, context);
    },
  };
}

/**
 * Applies the configured policy to all operations. An operation's policy is that of the command that does it as well; a
 * command may also be named by itself.
 *
 * @param requiredFor operations as configured, such as `POST /auth/wallet/link`
 * @throws BootError naming operations that do not exist or have no user
 */
export function applyKycPolicy(endpoints: Endpoint[], requiredFor: string[], requireKyc: RequireKyc): Endpoint[] {
  const hasUser = ({ auth }: Endpoint) => auth === "session" || auth === "command";
  const known = new Set(endpoints.filter(hasUser).map(nameOf));
  const unknown = requiredFor.filter((name) => !known.has(name));
  if (unknown.length > 0) {
    const fix = "name operations that need a session, as /openapi.json lists them, for instance POST /auth/wallet/link";
    const problems = unknown.map((name) => ({
      subject: "KYC_REQUIRED_FOR",
      problem: `knows no operation ${name}`,
      fix,
    }));
    throw new BootError("api", problems);
  }
  const isCovered = (endpoint: Endpoint) =>
    requiredFor.includes(nameOf(endpoint)) || (endpoint.does !== undefined && requiredFor.includes(endpoint.does));
  return endpoints.map((endpoint) => (isCovered(endpoint) ? requireKycFor(endpoint, requireKyc) : endpoint));
}

function nameOf({ method, path }: Pick<Endpoint, "method" | "path">): string {
  return `${method.toUpperCase()} ${path}`;
}
