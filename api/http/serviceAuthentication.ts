import { isIP } from "node:net";
import type { RequestHandler, Response } from "express";
import type { Clock } from "../../core/clock";
import { DomainError } from "../../core/errors";
import { CLIENT_ADDRESS_HEADER, type ServiceClaims } from "../../core/internalApi";
import { type ServiceKeys, verifyServiceToken } from "../../core/keys/serviceToken";
import type { CommandCaller, RejectionDescription } from "./endpoint";

/** A request on the internal port: who asks, and for whom. */
interface ServiceRequest {
  claims: ServiceClaims;
  /** Of the service's own caller; undefined where the service asks for itself. */
  clientAddress: string | undefined;
}

/**
 * Records the activity of a device's session, which has to be active.
 *
 * @throws DomainError `session.unknown`, also when it is another user's, `session.expired`, `session.revoked`
 */
export type DeviceAuthenticator = (input: { deviceSessionId: string; userId: string }) => Promise<unknown>;

/** The rejections of every operation on the internal port. */
export const SERVICE_REJECTIONS: RejectionDescription[] = [
  { code: "service_token.missing", kind: "unauthenticated", meaning: "No service token was sent." },
  {
    code: "service_token.invalid",
    kind: "unauthenticated",
    meaning: "The service token is not by a gateway that is known here, or not for the internal port.",
  },
  { code: "service_token.expired", kind: "unauthenticated", meaning: "The service token is too old." },
  {
    code: "client_address.invalid",
    kind: "invalid",
    meaning: `${CLIENT_ADDRESS_HEADER} is no IP address, or missing where the service asks for somebody else.`,
  },
];

/** The rejections of every command, beside those. */
export const COMMAND_REJECTIONS: RejectionDescription[] = [
  { code: "service_token.no_user", kind: "unauthenticated", meaning: "The service token names no user and session." },
  { code: "session.unknown", kind: "unauthenticated", meaning: "The user's device has no such session." },
  { code: "session.expired", kind: "unauthenticated", meaning: "The device's session reached the end of its life." },
  { code: "session.revoked", kind: "unauthenticated", meaning: "The device's session was ended." },
];

/** What gateways ask for themselves. */
const OWN_PATHS = "/api/v1/internal/";

/**
 * Lets pass who brings a service token, before anything else of the request is looked at. Only then is the header
 * believed that names the caller's address.
 */
export function authenticateService({ keys, clock }: { keys: ServiceKeys; clock: Clock }): RequestHandler {
  return (request, response, next) => {
    const token = /^Bearer +([^ ]+)$/i.exec(request.get("authorization") ?? "")?.[1];
    if (token === undefined) {
      const message = "This port is for gateways: send a service token as `Authorization: Bearer`.";
      throw new DomainError("service_token.missing", "unauthenticated", message);
    }
    const claims = verifyServiceToken(keys, token, clock.now());
    const clientAddress = request.get(CLIENT_ADDRESS_HEADER);
    requireAddress(clientAddress, !request.path.startsWith(OWN_PATHS));
    const service: ServiceRequest = { claims, clientAddress };
    response.locals["service"] = service;
    next();
  };
}

function requireAddress(address: string | undefined, isNeeded: boolean): void {
  if (address === undefined ? !isNeeded : isIP(address) !== 0) return;
  const message = `Give the IP address of the caller as ${CLIENT_ADDRESS_HEADER}.`;
  throw new DomainError("client_address.invalid", "invalid", message);
}

/** The address of a gateway's caller; undefined on the public port, and where a gateway asks for itself. */
export function clientAddressOf(response: Response): string | undefined {
  return serviceOf(response)?.clientAddress;
}

/** @throws DomainError `service_token.no_user`, and what the authenticator throws */
export async function authenticateCommand(
  authenticateDevice: DeviceAuthenticator,
  response: Response,
): Promise<CommandCaller> {
  const { sub: userId, sid: sessionId, rid: commandId } = serviceOf(response)?.claims ?? {};
  if (userId === undefined || sessionId === undefined || commandId === undefined) {
    const message = "The service token names no user and device session, whose command this would be.";
    throw new DomainError("service_token.no_user", "unauthenticated", message);
  }
  await authenticateDevice({ deviceSessionId: sessionId, userId });
  return { userId, sessionId, via: "bearer", commandId };
}

function serviceOf(response: Response): ServiceRequest | undefined {
  return response.locals["service"] as ServiceRequest | undefined;
}
