import type { AssertionKey } from "../../api/issuers/rules";
import { verifyCredential } from "../../api/verification/confirmation/issuerSignature";
import { recoverAddress } from "../../chain/signature";
import type { Mongo } from "../../core/mongo";
import type { Presentation } from "./verifyPresentations";

/** What no verification can do without: two signatures and three writes, the latter by the driver itself. */
export async function runFloor(
  { mongo, assertionKeys }: { mongo: Mongo; assertionKeys: AssertionKey[] },
  presentation: Presentation,
): Promise<void> {
  const { credential, confirmation, digest } = presentation;
  if ((await verifyCredential(credential.jwt, assertionKeys)) === null)
    throw new Error("the credential does not verify");
  recoverAddress(digest, confirmation.signature);
  await writeByDriver(mongo, presentation);
}

/** Takes the use, logs it and closes the verification. */
export async function writeByDriver(mongo: Mongo, { credential, verification }: Presentation): Promise<void> {
  const { db } = mongo;
  if (db === undefined) throw new Error("the database is closed");
  const { credentialId, issuer, subjectDid } = credential;
  const { verificationId } = verification;
  const use = {
    verificationId,
    verifierId: "v",
    verifierName: "ACME",
    presenterDid: subjectDid,
    confirmationHash: "0".repeat(64),
    usedAt: new Date(),
  };
  await db.collection<{ _id: string }>("credentials").updateOne(
    { _id: credentialId, status: "ACTIVE", usageCount: 0 },
    {
      $inc: { usageCount: 1 },
      $push: { uses: use, unrecorded: verificationId },
      $set: { status: "USED" },
    },
  );
  await db.collection<{ _id: string; [field: string]: unknown }>("credential_usage_log").insertOne({
    _id: `use/${verificationId}`,
    credentialId,
    issuer,
    subjectDid,
    presenterId: subjectDid,
    verifierId: "v",
    verifierName: "ACME",
    verificationId,
    result: "SUCCESS",
    reason: "",
    code: null,
    ipAddress: "127.0.0.1",
    timestamp: new Date(),
  });
  await db
    .collection<{ _id: string }>("verifications")
    .updateOne({ _id: verificationId, status: "pending" }, { $set: { status: "verified", decision: use } });
}
