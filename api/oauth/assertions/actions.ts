import { createLocalJWKSet, decodeJwt, errors, type JSONWebKeySet, compactVerify } from "jose";
import { addSeconds, type Clock } from "../../../core/clock";
import { sha256Hex } from "../../../core/hash";
import { oauthError } from "../errors";
import type { OAuthClient } from "../clients/rules";
import type { ClientStore } from "../clients/store";
import { ASSERTION_ALGORITHMS, ASSERTION_TYPE, CLOCK_SKEW_SECONDS, readClaims } from "./rules";
import type { AssertionStore } from "./store";

export interface AssertionDeps {
  clients: Pick<ClientStore, "find">;
  assertions: AssertionStore;
  clock: Clock;
  /** The public origin, which names this authorization server. */
  issuer: string;
}

/** How a client says who it is by a JWT of its own. */
export interface GivenAssertion {
  assertion: string;
  /** `client_assertion_type` of the form. */
  type: string | undefined;
  /** `client_id` of the form, if there is one. */
  clientId: string | undefined;
}

type KeyFinder = ReturnType<typeof createLocalJWKSet>;

/** Keys as they were imported, for as long as the client that has them is cached. */
const keyFinders = new WeakMap<JSONWebKeySet, KeyFinder>();

/**
 * The client that signed an assertion with one of its registered keys (`private_key_jwt`: RFC 7523 §2.2, OpenID Connect
 * Core §9). Each assertion counts once.
 *
 * @throws DomainError `oauth.invalid_client`
 */
export async function authenticateByAssertion(deps: AssertionDeps, given: GivenAssertion): Promise<OAuthClient> {
  if (given.type !== ASSERTION_TYPE) throw rejected(`client_assertion_type must be ${ASSERTION_TYPE}`);
  const client = await deps.clients.find(subjectOf(given.assertion));
  if (given.clientId !== undefined && given.clientId !== client?.clientId) {
    throw rejected("client_id is not the client that the assertion names");
  }
  const jwks = client?.jwks ?? null;
  // The same for a client that is unknown, for one without keys and for a signature by another key.
  if (client === null || jwks === null) throw notSigned();
  const payload = await verify(given.assertion, jwks);
  const { claims, problem } = readClaims(payload, {
    clientId: client.clientId,
    audiences: [deps.issuer, ...["/token", "/par", "/introspect", "/revoke"].map((path) => deps.issuer + path)],
    now: deps.clock.now(),
  });
  if (problem !== undefined) throw rejected(problem);
  const purgeAt = addSeconds(new Date(claims.exp * 1000), CLOCK_SKEW_SECONDS);
  const id = sha256Hex(`${client.clientId}\n${claims.jti}`);
  if (await deps.assertions.use(id, purgeAt)) return client;
  throw rejected("it was used before: sign a new one, with another jti, for each request");
}

function subjectOf(assertion: string): string {
  try {
    return decodeJwt(assertion).sub ?? "";
  } catch (error) {
    if (error instanceof errors.JWTInvalid) throw rejected("it is no JWT");
    throw error;
  }
}

async function verify(assertion: string, jwks: JSONWebKeySet): Promise<Record<string, unknown>> {
  const finder = keyFinders.get(jwks) ?? createLocalJWKSet(jwks);
  keyFinders.set(jwks, finder);
  try {
    const { payload } = await compactVerify(assertion, finder, { algorithms: [...ASSERTION_ALGORITHMS] });
    return JSON.parse(Buffer.from(payload).toString("utf8")) as Record<string, unknown>;
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof SyntaxError) throw notSigned();
    throw error;
  }
}

function notSigned(): Error {
  return rejected("no client of that id has the key that signed it");
}

function rejected(problem: string): Error {
  return oauthError("invalid_client", `The client assertion does not count: ${problem}.`);
}
