import { Schema } from "mongoose";
import { isDuplicateKey, type Mongo, rawCollection } from "../../../core/mongo";

interface Stored {
  /** What the certificate is for. */
  _id: string;
  /** Base64. */
  der: string;
  validUntil: Date;
}

const schema = new Schema<Stored>(
  { _id: { type: String, required: true }, der: { type: String, required: true }, validUntil: Date },
  { collection: "presentation_certificates", versionKey: false },
);

interface NewCertificate {
  der: Buffer;
  validUntil: Date;
}

/** The collection `presentation_certificates`: certificates that were made on this machine, for development. */
export interface CertificateStore {
  /**
   * The certificate of this name; made when there is none, or it expired.
   *
   * @returns DER; the same to every process
   */
  keep(name: string, now: Date, make: () => Promise<NewCertificate>): Promise<Buffer>;
}

/** Creates the store of development certificates. */
export function createCertificateStore(mongo: Mongo): CertificateStore {
  mongo.model<Stored>("PresentationCertificate", schema);
  const certificates = () => rawCollection<Stored>(mongo, "presentation_certificates");
  return {
    async keep(name, now, make) {
      const found = await certificates().findOne({ _id: name, validUntil: { $gt: now } });
      if (found !== null) return Buffer.from(found.der, "base64");
      const { der, validUntil } = await make();
      try {
        await certificates().updateOne(
          { _id: name, validUntil: { $lte: now } },
          { $set: { der: der.toString("base64"), validUntil } },
          { upsert: true },
        );
      } catch (error) {
        // Another process made one meanwhile.
        if (!isDuplicateKey(error)) throw error;
      }
      const stored = await certificates().findOne({ _id: name });
      return stored === null ? der : Buffer.from(stored.der, "base64");
    },
  };
}
