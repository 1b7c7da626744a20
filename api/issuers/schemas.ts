import { z } from "zod";
import { accountAddress } from "../http/accountFields";
import { SIGNING_ALGORITHMS, type SigningKey } from "./rules";
import type { IssuerAccount } from "./store";

const address = accountAddress.meta({ description: "The issuer's address" });
export const algorithm = z
  .enum(SIGNING_ALGORITHMS)
  .default("EdDSA")
  .meta({ description: "What the issuer signs credentials with" });
const moment = z.iso.datetime();

export const addBody = z.strictObject({
  name: z.string().trim().min(1).max(200),
  algorithm,
  metadataUri: z.url().max(2_048).optional().meta({ description: "Where to read about the issuer; goes on the chain" }),
});
export const params = z.strictObject({ address });

export const keyReply = z.strictObject({
  kid: z.string().meta({ description: "RFC 7638 thumbprint; the fragment of the key's id in the DID document" }),
  algorithm: z.enum(SIGNING_ALGORITHMS),
  publicJwk: z.record(z.string(), z.string()),
  createdAt: moment,
  retiredAt: moment.nullable(),
  withdrawnAt: moment.nullable(),
});
export const issuerReply = z.strictObject({
  address: z.string(),
  did: z.string(),
  name: z.string(),
  metadataUri: z.string(),
  accredited: z.boolean().meta({ description: "Whether the chain accredits it, as last seen by the worker" }),
  anchored: z.boolean().meta({ description: "Whether the chain names the present DID document" }),
  fault: z.string().nullable().meta({ description: "What holds up its anchoring" }),
  keys: z.array(keyReply),
  createdAt: moment,
});

/** An issuer as it goes out. */
export function showIssuer(account: IssuerAccount) {
  const { address: issuer, did, name, metadataUri, accredited, anchoredHash, documents, anchoringError } = account;
  return {
    address: issuer,
    did,
    name,
    metadataUri,
    accredited,
    anchored: anchoredHash !== null && anchoredHash === documents.at(-1)?.hash,
    fault: anchoringError,
    keys: account.keys.map(showKey),
    createdAt: account.createdAt,
  };
}

/** A signing key as it goes out, without the key store's name of it. */
export function showKey({ kid, algorithm: alg, publicJwk, createdAt, retiredAt, withdrawnAt }: SigningKey) {
  return { kid, algorithm: alg, publicJwk, createdAt, retiredAt, withdrawnAt };
}
