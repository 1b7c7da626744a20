import { BootError, type BootProblem } from "../errors";
import { adminPart } from "./admin";
import { chainPart } from "./chain";
import { deploymentPart } from "./deployment";
import { readEnvironmentBesideRunning } from "./environment";
import { gatewayPart } from "./gateway";
import { httpPart } from "./http";
import { indexerPart } from "./indexer";
import { internalPart } from "./internal";
import { issuancePart } from "./issuance";
import { keysPart } from "./keys";
import { knownSecretProblems } from "./knownSecrets";
import { kycPart } from "./kyc";
import { mailPart } from "./mail";
import { mongoPart } from "./mongo";
import { oauthPart } from "./oauth";
import type { ConfigPart, Given, ProcessKind, ProcessName } from "./part";
import { presentationFlowPart } from "./presentationFlow";
import { presentationsPart } from "./presentations";
import { processPart } from "./process";
import { pushPart } from "./push";
import { redisPart } from "./redis";
import { relayerPart } from "./relayer";
import { retentionPart } from "./retention";
import { sessionsPart } from "./sessions";
import { useAnchorsPart } from "./useAnchors";
import { isLoopback, protocolOf } from "./variables";
import { verificationPart } from "./verification";
import { walletsPart } from "./wallets";

/** One part an owner: a new setting goes into its owner's file, a new owner's file into this list. */
const PARTS = [
  processPart,
  mongoPart,
  redisPart,
  chainPart,
  deploymentPart,
  httpPart,
  internalPart,
  sessionsPart,
  walletsPart,
  keysPart,
  adminPart,
  verificationPart,
  retentionPart,
  useAnchorsPart,
  oauthPart,
  presentationFlowPart,
  presentationsPart,
  issuancePart,
  relayerPart,
  kycPart,
  mailPart,
  indexerPart,
  gatewayPart,
  pushPart,
] as const;

type ValuesOf<Part> = Part extends ConfigPart<infer Values> ? Values : never;
type Intersection<Union> = (Union extends unknown ? (value: Union) => void : never) extends (value: infer All) => void
  ? All
  : never;

/** The configuration of one process: parsed, typed and frozen. Secrets stay in here and are never logged. */
export type Config = Readonly<ProcessKind & Intersection<ValuesOf<(typeof PARTS)[number]>>>;

/** The names of all variables. */
export const VARIABLES: readonly string[] = PARTS.flatMap(({ variables }) => variables);

/**
 * Reads a process's configuration from its environment.
 *
 * @param source an empty variable counts as absent
 * @throws BootError naming every wrong variable and how to fix it, without printing the values of secrets
 */
export function loadConfig(
  processName: ProcessName,
  source: NodeJS.ProcessEnv = readEnvironmentBesideRunning(),
): Config {
  const given = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== undefined && value !== ""));
  const reason = productionReason(given);
  const kind: ProcessKind = { processName, production: reason !== null };
  const read = PARTS.map((part) => part.read(given, kind));
  const problems = read.flatMap((part) => part.problems);
  const named = new Set(problems.map(({ subject }) => subject));
  if (kind.production) problems.push(...knownSecretProblems(given).filter(({ subject }) => !named.has(subject)));
  if (problems.length > 0) throw new BootError(processName, [...explanation(given, reason), ...problems]);
  return freeze(Object.assign({ ...kind }, ...read.map(({ values }) => values)) as Config);
}

/** Where a process listens for others than its operators. */
const HOSTS = ["HOST", "INTERNAL_HOST", "GATEWAY_HTTP_HOST", "GATEWAY_GRPC_HOST"] as const;

/**
 * Why defaults are refused: production was said; or it was not said which environment this is, and the API or the
 * gateway is to be reached from elsewhere. Null for a developer's machine and for tests.
 */
function productionReason(given: Given): string | null {
  if (given["NODE_ENV"] !== undefined) return given["NODE_ENV"] === "production" ? "NODE_ENV is production" : null;
  const open = HOSTS.find((name) => given[name] !== undefined && !isLoopback(given[name]));
  if (open !== undefined) return `${open} is not of this machine alone`;
  if (protocolOf(given["PUBLIC_URL"]) === "https:") return "PUBLIC_URL is an https origin";
  return null;
}

/** Tells who did not say production why defaults are refused all the same. */
function explanation(given: Given, reason: string | null): BootProblem[] {
  if (reason === null || given["NODE_ENV"] !== undefined) return [];
  const problem = `is not set and ${reason}, which is taken for production`;
  const fix = "set NODE_ENV=production and fix the rest, or NODE_ENV=development where nobody else can reach it";
  return [{ subject: "NODE_ENV", problem, fix }];
}

function freeze<T extends object>(value: T): Readonly<T> {
  for (const part of Object.values(value) as unknown[]) if (typeof part === "object" && part !== null) freeze(part);
  return Object.freeze(value);
}
