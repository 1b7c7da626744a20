import type { JSONWebKeySet } from "jose";
import { isUri } from "../../../chain/did/uri";
import { keyProblems } from "./clientKeys";

/** What a relying party may ask of a wallet under the name of a scope. */
export interface ScopeDefinition {
  name: string;
  /** Shown to the person, for instance `that you are over 18`. */
  description: string;
  /** Digital Credentials Query Language (OpenID4VP 1.0 §6). */
  dcql: DcqlQuery;
}

export interface DcqlQuery {
  credentials: Record<string, unknown>[];
  credential_sets?: Record<string, unknown>[] | undefined;
}

/** A relying party. */
export interface OAuthClient {
  clientId: string;
  /** Shown to the person who is asked. */
  name: string;
  /**
   * SHA-256 of each valid secret, the present one first; two while the secret is being replaced, none where the client
   * authenticates by its keys.
   */
  secretHashes: string[];
  /** Public keys by which the client authenticates (`private_key_jwt`); null where it does by a secret. */
  jwks: JSONWebKeySet | null;
  /** Whether its authorization requests must have a PKCE challenge (RFC 7636). */
  requiresPkce: boolean;
  redirectUris: string[];
  /** Where the client's verifier is; null for this installation's own. */
  verifierUrl: string | null;
  /** Path of the verifier's verifications, for instance `/management/api/verifications`. */
  managementPath: string;
  /** A header the verifier requires, `Name: value`, sealed; null when it requires none. */
  sealedCredentials: string | null;
  /** DIDs of the issuers whose credentials are accepted; an empty list accepts any the verifier trusts. */
  acceptedIssuers: string[];
  scopes: ScopeDefinition[];
  /** Where every outcome is delivered; null for nowhere. */
  webhookUrl: string | null;
  /** Name of the header in which the verifier's notifications carry their key, in lower case. */
  notificationHeader: string;
  /** SHA-256 of the key that the verifier's notifications carry; null when they carry none. */
  notificationKeyHash: string | null;
  /** Grants a code for a failed verification too; `/info` then says `failed`. */
  failuresAsCode: boolean;
  createdAt: Date;
}

/** The header in which a verifier's notifications carry their key unless the registration names another. */
export const NOTIFICATION_HEADER = "x-api-key";

/** What is given to register a relying party. */
export interface ClientRegistration {
  /** Letters, digits, `_` and `-`; drawn when absent. */
  clientId?: string | undefined;
  name: string;
  redirectUris: string[];
  /** Public keys, for a client that authenticates by them instead of a secret. */
  jwks?: JSONWebKeySet | undefined;
  /** For clients that cannot do PKCE; every other request needs a challenge. */
  withoutPkce?: boolean | undefined;
  /** Absent for this installation's own verifier. */
  verifierUrl?: string | undefined;
  managementPath?: string | undefined;
  /** A header for the verifier's management API, `Name: value`. */
  verifierHeader?: string | undefined;
  acceptedIssuers?: string[] | undefined;
  scopes: ScopeDefinition[];
  webhookUrl?: string | undefined;
  /** What the verifier sends with its notifications, in the header named below. */
  notificationKey?: string | undefined;
  /** The verifier chooses it (swiyu: `WEBHOOK_API_KEY_HEADER`); `x-api-key` when absent. */
  notificationHeader?: string | undefined;
  failuresAsCode?: boolean | undefined;
}

const CLIENT_ID = /^[A-Za-z0-9_-]{3,64}$/;
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;
const MANAGEMENT_PATH = /^(\/[A-Za-z0-9._~-]+)+$/;
const HEADER_LINE = /^[A-Za-z0-9-]+:\s*[\x21-\x7e][\x20-\x7e]*$/;
const HEADER_NAME = /^[A-Za-z0-9-]{1,64}$/;
/** What says how a verifier elsewhere is reached and notifies. */
const OF_VERIFIERS_ELSEWHERE = ["managementPath", "verifierHeader", "notificationKey", "notificationHeader"] as const;
const CREDENTIAL_ID = /^[A-Za-z0-9_-]+$/;

/**
 * What is wrong with a registration, a clause for each problem; none when it is valid.
 *
 * @param queryProblems what this installation's own verifier finds wrong with a DCQL query
 */
export function problemsOf(registration: ClientRegistration, queryProblems: (query: DcqlQuery) => string[]): string[] {
  const { clientId, name, redirectUris, managementPath, verifierHeader, notificationHeader, webhookUrl } = registration;
  const { verifierUrl, scopes } = registration;
  const rules: [holds: boolean, problem: string][] = [
    [clientId === undefined || CLIENT_ID.test(clientId), "the id must be 3 to 64 letters, digits, _ or -"],
    [/\S/.test(name) && name.length <= 100, "the name must have 1 to 100 characters"],
    [redirectUris.length > 0, "at least one redirect URI is needed"],
    ...redirectUris.map((uri): [boolean, string] => [
      isRedirectUri(uri),
      `${uri} is no redirect URI (https, or http on this machine; no fragment)`,
    ]),
    ...(registration.jwks === undefined ? [] : keyProblems(registration.jwks)).map((problem): [boolean, string] => [
      false,
      problem,
    ]),
    [verifierUrl === undefined || isWebUrl(verifierUrl), "the verifier's URL must be https:// or http://"],
    [
      verifierUrl !== undefined || OF_VERIFIERS_ELSEWHERE.every((option) => registration[option] === undefined),
      "management path, verifier header and notification key belong to a verifier elsewhere: give its URL too",
    ],
    [
      managementPath === undefined || MANAGEMENT_PATH.test(managementPath),
      "the management path must look like /management/api/verifications",
    ],
    [
      verifierHeader === undefined || HEADER_LINE.test(verifierHeader),
      "the verifier's header must look like Name: value",
    ],
    [
      notificationHeader === undefined || HEADER_NAME.test(notificationHeader),
      "the notifications' header must be a header's name, letters, digits and -",
    ],
    [webhookUrl === undefined || isWebUrl(webhookUrl), "the webhook URL must be https:// or http://"],
    ...scopeRules(scopes),
  ];
  const problems = rules.filter(([holds]) => !holds).map(([, problem]) => problem);
  if (verifierUrl !== undefined || problems.length > 0) return problems;
  return scopes.flatMap(({ name: scope, dcql }) =>
    queryProblems(dcql).map((problem) => `the scope ${scope} asks for what cannot be asked here: ${problem}`),
  );
}

function scopeRules(scopes: ScopeDefinition[]): [holds: boolean, problem: string][] {
  const names = scopes.map(({ name }) => name);
  const ids = scopes.flatMap(({ dcql }) => dcql.credentials.map((credential) => credential["id"]));
  return [
    [scopes.length > 0, "at least one scope is needed"],
    [new Set(names).size === names.length, "scopes must have distinct names"],
    ...scopes.flatMap(({ name, description, dcql }): [boolean, string][] => [
      [SCOPE.test(name), `the scope ${name} must be printable characters without spaces`],
      [/\S/.test(description), `the scope ${name} needs a description for people`],
      [dcql.credentials.length > 0, `the scope ${name} asks for no credential`],
    ]),
    [
      ids.every((id) => typeof id === "string" && CREDENTIAL_ID.test(id)),
      "every credential asked for needs an id of letters, digits, _ or -",
    ],
    [new Set(ids).size === ids.length, "credentials asked for must have distinct ids, in all scopes together"],
  ];
}

function isWebUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

function isRedirectUri(text: string): boolean {
  if (!isUri(text) || text.includes("#") || text.includes("*")) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== "" || password !== "") return false;
  return protocol === "https:" || (protocol === "http:" && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(hostname));
}

/** The definitions of the scopes that a parsed `scope` parameter names. */
export function scopesOf(client: Pick<OAuthClient, "scopes">, scope: string): ScopeDefinition[] {
  const names = scope.split(" ");
  return client.scopes.filter(({ name }) => names.includes(name));
}

/**
 * One query for several scopes. The ids of its credentials are distinct: registration requires it. Where one scope has
 * sets, those of a scope without any become a required set: outside of all sets nobody need present them (OpenID4VP 1.0
 * §6.4.2).
 */
export function combineQueries(scopes: ScopeDefinition[]): DcqlQuery {
  const hasSets = scopes.some(({ dcql }) => dcql.credential_sets !== undefined);
  const sets = hasSets ? scopes.flatMap(({ dcql }) => dcql.credential_sets ?? [everyCredentialOf(dcql)]) : [];
  const credentials = scopes.flatMap(({ dcql }) => dcql.credentials);
  return sets.length > 0 ? { credentials, credential_sets: sets } : { credentials };
}

function everyCredentialOf({ credentials }: DcqlQuery): Record<string, unknown> {
  return { options: [credentials.map(({ id }) => id)], required: true };
}
