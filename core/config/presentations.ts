import { z } from "zod";
import type { BootProblem } from "../errors";
import { configPart } from "./part";
import { seconds } from "./variables";

/** `iss` of issuers, which is compared letter by letter: URLs as they are written in full. */
const issuers = z
  .string()
  .transform((given) => given.split(",").map((part) => part.trim()))
  .pipe(
    z
      .array(
        z.string().refine(isIssuerUrl, "must be https URLs, separated by commas, without query, fragment and password"),
      )
      .max(256, "must be 256 issuers at most"),
  );

export const presentationsPart = configPart({
  environment: {
    PRESENTATION_SECONDS: seconds.default(300),
    PRESENTATION_RETENTION_SECONDS: seconds.default(30 * 24 * 60 * 60),
    PRESENTATION_UNREAD_SECONDS: seconds.default(24 * 60 * 60),
    PRESENTATION_WALLET_SCHEME: z
      .string()
      .regex(/^[a-z][a-z0-9+.-]*$/, "must be a URL scheme, for instance openid4vp or haip-vp")
      .default("openid4vp"),
    PRESENTATION_CLIENT_ID: z
      .enum(["x509_san_dns", "x509_hash", "decentralized_identifier", "redirect_uri"])
      .default("x509_san_dns"),
    PRESENTATION_DID: z.string().startsWith("did:").optional(),
    PRESENTATION_CERTIFICATE_FILE: z.string().min(1).optional(),
    PRESENTATION_KEY_FILE: z.string().min(1).optional(),
    PRESENTATION_TRUST_ANCHORS_FILE: z.string().min(1).optional(),
    PRESENTATION_ISSUERS: issuers.default([]),
  },
  problems(given, { processName, production }) {
    const prefix = given["PRESENTATION_CLIENT_ID"] ?? "x509_san_dns";
    const problems: BootProblem[] = [];
    if (prefix === "decentralized_identifier" && given["PRESENTATION_DID"] === undefined) {
      const fix = "give the DID of an issuer of this installation: its key signs the requests";
      problems.push({ subject: "PRESENTATION_DID", problem: "is missing, with decentralized_identifier", fix });
    }
    if (!production || processName !== "api") return problems;
    if (prefix === "redirect_uri") {
      const fix = "use x509_san_dns, x509_hash or decentralized_identifier: nothing proves who asks otherwise";
      problems.push({ subject: "PRESENTATION_CLIENT_ID", problem: "cannot be redirect_uri in production", fix });
    }
    if (/(^|,)\s*http:/i.test(given["PRESENTATION_ISSUERS"] ?? "")) {
      const fix = "give https URLs: who is between could put its own keys in an issuer's place";
      problems.push({ subject: "PRESENTATION_ISSUERS", problem: "holds a URL that is not https", fix });
    }
    const files = ["PRESENTATION_CERTIFICATE_FILE", "PRESENTATION_KEY_FILE"] as const;
    const absent = prefix.startsWith("x509_") ? files.filter((name) => given[name] === undefined) : [];
    // Neither: this installation offers no presentations. One alone is a mistake.
    if (absent.length !== 1) return problems;
    const fix = "give the certificate chain and its private key, as PEM files, or neither";
    return [...problems, ...absent.map((subject) => ({ subject, problem: "is missing beside the other", fix }))];
  },
  shape: (env): { presentations: PresentationsConfig } => ({
    presentations: {
      requestSeconds: env.PRESENTATION_SECONDS,
      retentionSeconds: env.PRESENTATION_RETENTION_SECONDS,
      unreadSeconds: env.PRESENTATION_UNREAD_SECONDS,
      walletScheme: env.PRESENTATION_WALLET_SCHEME,
      clientIdPrefix: env.PRESENTATION_CLIENT_ID,
      did: env.PRESENTATION_DID ?? null,
      certificateFile: env.PRESENTATION_CERTIFICATE_FILE ?? null,
      keyFile: env.PRESENTATION_KEY_FILE ?? null,
      trustAnchorsFile: env.PRESENTATION_TRUST_ANCHORS_FILE ?? null,
      issuers: env.PRESENTATION_ISSUERS,
    },
  }),
});

interface PresentationsConfig {
  /** How long a wallet may take to answer a request. */
  requestSeconds: number;
  /** How long a request and its verdict are stored after that. */
  retentionSeconds: number;
  /** How long what was presented is stored when nobody reads the result. */
  unreadSeconds: number;
  /** Of the links that open a wallet. */
  walletScheme: string;
  /** How wallets are shown who asks (OpenID4VP 1.0 §5.9.3). */
  clientIdPrefix: "x509_san_dns" | "x509_hash" | "decentralized_identifier" | "redirect_uri";
  /** The issuer of this installation whose key signs requests, for `decentralized_identifier`. */
  did: string | null;
  /** PEM: the chain that signs requests, the leaf first; null: a development certificate, or none in production. */
  certificateFile: string | null;
  keyFile: string | null;
  /** PEM: certificates whose issuers are trusted besides those that the registry accredits. */
  trustAnchorsFile: string | null;
  /** Issuers that are trusted by their names, as credentials have them (`iss`): their keys are fetched. */
  issuers: string[];
}

function isIssuerUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, search, hash, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && search + hash + username + password === "" && !/[?#]/.test(text);
}
