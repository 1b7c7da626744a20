import { type Wallet, hashMessage } from "ethers";
import { randomUUID } from "node:crypto";
import { credentialPayload, type Credential } from "../../api/credentials/rules";
import { encryptCredential } from "../../api/credentials/store";
import type { Confirmation } from "../../api/verification/confirmation/actions";
import type { Verification } from "../../api/verification/rules";
import type { Chain } from "../../chain/client";
import { formatDid } from "../../chain/did/did";
import { formatCredId } from "../../chain/status/credId";
import type { FieldCipher } from "../../core/keys/fieldCipher";
import { signCompact } from "../../core/keys/jws";
import type { Mongo } from "../../core/mongo";
import type { BenchIssuer } from "./verifyIssuer";

const PUBLIC_URL = "https://cairn.example";
const DAY_MS = 86_400_000;

/** One presentation that will pass, and the documents it is about. */
export interface Presentation {
  confirmation: Confirmation;
  verification: Verification;
  credential: Credential;
  /** Of the challenge, as the holder signs it. */
  digest: string;
}

interface PresentationDeps {
  mongo: Mongo;
  fields: FieldCipher;
  chain: Chain;
  issuer: BenchIssuer;
}

/**
 * Makes and stores a credential and an open verification for each holder.
 *
 * @param firstIndex of the credentials' indexes, which no two of an issuer share
 */
export async function storePresentations(
  deps: PresentationDeps,
  { holders, firstIndex }: { holders: Wallet[]; firstIndex: number },
): Promise<Presentation[]> {
  const presentations = await Promise.all(
    holders.map((holder, position) => createPresentation(deps, { holder, index: firstIndex + position })),
  );
  const { db } = deps.mongo;
  if (db === undefined) throw new Error("the database is closed");
  const credentials = presentations.map(({ credential }) => encryptCredential(deps.fields, credential));
  await db.collection<{ _id: string }>("credentials").insertMany(await Promise.all(credentials));
  await db.collection<{ _id: string }>("verifications").insertMany(
    presentations.map(({ verification: { verificationId, deliveryPendingSince: _none, ...rest } }) => ({
      _id: verificationId,
      ...rest,
    })),
  );
  return presentations;
}

async function createPresentation(
  { chain, issuer }: PresentationDeps,
  { holder, index }: { holder: Wallet; index: number },
): Promise<Presentation> {
  const subjectDid = formatDid(chain.deployment.didMethod, holder.address);
  const now = new Date(Math.floor(Date.now() / 1000) * 1000);
  const credential = await createCredential({ chain, issuer }, { subjectDid, index, now });
  const verification = createVerification(credential, now);
  const { verificationId, challenge } = verification;
  const signature = holder.signingKey.sign(challenge.digest).serialized;
  return {
    confirmation: { verificationId, signature, presenterDid: subjectDid, ip: "127.0.0.1" },
    verification,
    credential,
    digest: challenge.digest,
  };
}

async function createCredential(
  { chain, issuer }: Omit<PresentationDeps, "mongo" | "fields">,
  { subjectDid, index, now }: { subjectDid: string; index: number; now: Date },
): Promise<Credential> {
  const content = {
    credentialId: randomUUID(),
    credId: formatCredId({ issuer: issuer.address, index }),
    issuer: issuer.address,
    issuerDid: issuer.did,
    index,
    subjectDid,
    expiresAt: new Date(now.getTime() + DAY_MS),
    type: "EducationCredential",
    schemaId: "0".repeat(64),
    claims: { degree: "BS", name: "Alice" },
    issuedAt: now,
  };
  const registry = chain.deployment.contracts.DIDRegistry.address;
  const payload = credentialPayload(content, { publicUrl: PUBLIC_URL, chainId: chain.chainId, registry });
  const header = { alg: "EdDSA" as const, typ: "vc+jwt", kid: `${issuer.did}#${issuer.kid}` };
  return {
    ...content,
    format: "vc+jwt",
    jwt: await signCompact(issuer.keys, issuer.keyId, header, payload),
    issuerName: "University",
    reference: null,
    status: "ACTIVE",
    hold: null,
    maxUsages: 1,
    usageCount: 0,
    uses: [],
    unrecorded: [],
  };
}

function createVerification({ credentialId, subjectDid }: Credential, now: Date): Verification {
  const message = `present ${credentialId} to ACME, ${randomUUID()}`;
  const expiresAt = new Date(now.getTime() + DAY_MS);
  return {
    verificationId: randomUUID(),
    verifierId: "v",
    verifierName: "ACME",
    credentialId,
    subjectDid,
    foreignJwt: null,
    disclosed: null,
    challenge: { nonce: "n", message, digest: hashMessage(message), issuedAt: now, expiresAt },
    status: "pending",
    decision: null,
    declined: null,
    wantsWebhook: false,
    deliveryPendingSince: null,
    createdAt: now,
  };
}
