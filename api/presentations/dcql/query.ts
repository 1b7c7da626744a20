import { z } from "zod";
import { CREDENTIAL_FORMATS } from "../formats/rules";

/** More than any relying party asks for; what evaluates a query is bounded by it. */
const MAX_CREDENTIALS = 16;
const MAX_CLAIMS = 64;
const MAX_OPTIONS = 32;

const id = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9_-]+$/, "must be letters, digits, underscores and hyphens (OpenID4VP 1.0 §6.1)");

/** What one claims query selects: member names, null for all elements, indexes (OpenID4VP 1.0 §7). */
export const claimsPath = z
  .array(z.union([z.string(), z.null(), z.int().nonnegative()]))
  .min(1)
  .max(16);

const claimsQuery = z.strictObject({
  id: id.optional(),
  path: claimsPath,
  values: z
    .array(z.union([z.string(), z.int(), z.boolean()]))
    .min(1)
    .max(64)
    .optional(),
});

const shared = {
  id,
  multiple: z.boolean().default(false),
  require_cryptographic_holder_binding: z
    .literal(true, "must be true: without holder binding, whoever has a copy could present it")
    .default(true),
  claims: z.array(claimsQuery).min(1).max(MAX_CLAIMS).optional(),
  claim_sets: z.array(z.array(id).min(1)).min(1).max(MAX_OPTIONS).optional(),
  trusted_authorities: z
    .array(
      z.strictObject({
        type: z.literal("aki", "must be aki: other kinds of trusted authorities are not supported"),
        values: z.array(z.string().min(1).max(256)).min(1).max(64),
      }),
    )
    .min(1)
    .optional(),
};

const credentialQuery = z.discriminatedUnion(
  "format",
  [
    z.strictObject({
      ...shared,
      format: z.literal("dc+sd-jwt"),
      meta: z.strictObject({ vct_values: z.array(z.string().min(1)).min(1).max(64) }),
    }),
    z.strictObject({
      ...shared,
      format: z.literal("jwt_vc_json"),
      meta: z.strictObject({
        type_values: z
          .array(z.array(z.string().min(1)).min(1))
          .min(1)
          .max(64),
      }),
    }),
  ],
  { error: `must have a format of ${CREDENTIAL_FORMATS.join(", ")}` },
);

const query = z.strictObject({
  credentials: z.array(credentialQuery).min(1).max(MAX_CREDENTIALS),
  credential_sets: z
    .array(
      z.strictObject({
        options: z.array(z.array(id).min(1)).min(1).max(MAX_OPTIONS),
        required: z.boolean().default(true),
      }),
    )
    .min(1)
    .max(MAX_CREDENTIALS)
    .optional(),
});

/** A DCQL query (OpenID4VP 1.0 §6), with what the specification requires across its members. */
export const dcqlQuery = query.superRefine((value, context) => {
  const report = (path: (string | number)[], message: string) => {
    context.addIssue({ code: "custom", path, message });
  };
  reportRepeated(
    value.credentials.map((credential) => credential.id),
    (place) => report(["credentials", place, "id"], "is used twice: give each credential query its own id"),
  );
  value.credentials.forEach((credential, place) => reportClaims(credential, ["credentials", place], report));

  const known = new Set(value.credentials.map((credential) => credential.id));
  value.credential_sets?.forEach(({ options }, set) => {
    options.forEach((option, place) => {
      const unknown = option.find((name) => !known.has(name));
      if (unknown === undefined) return;
      report(["credential_sets", set, "options", place], `names ${unknown}, which is no credential query's id`);
    });
  });
});

/** What is wrong with a query, a clause for each problem that names its place; none when it can be asked. */
export function queryProblems(value: unknown): string[] {
  const parsed = dcqlQuery.safeParse(value);
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
}

export type DcqlQuery = z.output<typeof dcqlQuery>;
export type CredentialQuery = DcqlQuery["credentials"][number];
export type ClaimsQuery = z.output<typeof claimsQuery>;
export type ClaimsPath = z.output<typeof claimsPath>;

type Report = (path: (string | number)[], message: string) => void;

function reportClaims(
  { claims, claim_sets: sets }: z.output<typeof credentialQuery>,
  path: (string | number)[],
  report: Report,
): void {
  if (sets !== undefined && claims === undefined) report([...path, "claim_sets"], "needs claims (§6.1)");
  if (claims === undefined) return;
  reportRepeated(
    claims.map((claim) => JSON.stringify(claim.path)),
    (place) => report([...path, "claims", place, "path"], "is asked for twice: keep one"),
  );
  const ids = claims.map((claim) => claim.id);
  reportRepeated(ids, (place) => report([...path, "claims", place, "id"], "is used twice: give each claim its own id"));
  if (sets === undefined) return;
  ids.forEach((name, place) => {
    if (name === undefined) report([...path, "claims", place, "id"], "is required where there are claim_sets (§6.3)");
    else if (!sets.some((set) => set.includes(name))) {
      report([...path, "claims", place, "id"], "is in no claim set: add it to one, or leave the claim out");
    }
  });
  sets.forEach((set, place) => {
    const unknown = set.find((name) => !ids.includes(name));
    if (unknown !== undefined) report([...path, "claim_sets", place], `names ${unknown}, which is no claim's id`);
  });
}

/** Reports the second of two equal names by its place. */
function reportRepeated(names: (string | undefined)[], report: (place: number) => void): void {
  names.forEach((name, place) => {
    if (name !== undefined && names.indexOf(name) < place) report(place);
  });
}
