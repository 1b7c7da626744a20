/** A media type this resolver answers with, and what is in it. */
export interface Representation {
  contentType: string;
  /** The whole result with its metadata (DID Resolution §7), or the document alone. */
  holds: "result" | "document";
  /** The DID context of a document in JSON-LD; null for plain JSON. */
  context: "v1" | "v1.1" | null;
}

const RESULT_PROFILE = "https://w3id.org/did-resolution";

/** What `application/did` (DID 1.1) stands for is also what a result holds. */
export const DOCUMENT: Representation = { contentType: "application/did", holds: "document", context: "v1.1" };

/** The result in its own media type: what is answered when nothing else is asked for, and with every error. */
export const RESULT: Representation = { contentType: "application/did-resolution", holds: "result", context: "v1.1" };

/** In the order of preference among equals. */
const REPRESENTATIONS: Representation[] = [
  RESULT,
  DOCUMENT,
  { contentType: "application/did+ld+json", holds: "document", context: "v1" },
  { contentType: "application/did+json", holds: "document", context: null },
  { contentType: `application/ld+json;profile="${RESULT_PROFILE}"`, holds: "result", context: "v1" },
  { contentType: "application/ld+json", holds: "document", context: "v1" },
  { contentType: "application/json", holds: "result", context: "v1.1" },
];

interface Range {
  type: string;
  profile: string | undefined;
  quality: number;
}

/**
 * Chooses the representation an Accept header asks for (RFC 9110 §12.5.1); without one, the full result.
 *
 * @returns undefined when nothing acceptable can be given
 */
export function chooseRepresentation(accept: string | undefined): Representation | undefined {
  if (accept === undefined || accept.trim() === "") return RESULT;
  const ranges = splitUnquoted(accept, ",").map(parseRange);
  const rated = REPRESENTATIONS.map((representation) => ({
    representation,
    quality: qualityOf(representation, ranges),
  }));
  const best = rated.reduce((left, right) => (right.quality > left.quality ? right : left));
  return best.quality > 0 ? best.representation : undefined;
}

/** The most specific range that matches decides. */
function qualityOf({ contentType }: Representation, ranges: Range[]): number {
  const { type, profile } = parseRange(contentType);
  const exact = ranges.find((range) => range.type === type && matchesProfile(range.profile, profile, type));
  const matching =
    exact ?? ranges.find((range) => range.type === "application/*") ?? ranges.find((range) => range.type === "*/*");
  return matching?.quality ?? 0;
}

/** JSON-LD with the profile asks for the result, without one for the document; another profile is not known here. */
function matchesProfile(asked: string | undefined, given: string | undefined, type: string): boolean {
  return type === "application/ld+json" ? asked === given : given === undefined || asked === given;
}

function parseRange(text: string): Range {
  const [type = "", ...parameters] = splitUnquoted(text, ";").map((part) => part.trim());
  const valueOf = (name: string) => {
    const found = parameters.find((parameter) => parameter.toLowerCase().startsWith(`${name}=`));
    return found?.slice(name.length + 1).replace(/^"(.*)"$/, "$1");
  };
  const quality = Number(valueOf("q") ?? "1");
  const sound = Number.isFinite(quality) ? Math.min(Math.max(quality, 0), 1) : 0;
  return { type: type.toLowerCase(), profile: valueOf("profile"), quality: sound };
}

/** Splits at a separator outside quoted strings. */
function splitUnquoted(text: string, separator: "," | ";"): string[] {
  return text.match(separator === "," ? /(?:[^,"]|"[^"]*"?)+/g : /(?:[^;"]|"[^"]*"?)+/g) ?? [];
}
