import { z } from "zod";
import { configPart } from "./part";

/** Protects the file key store of a developer's machine; production asks for another. */
export const DEVELOPMENT_KEYSTORE_PASSPHRASE = "development keystore";

export const keysPart = configPart({
  environment: {
    KEYSTORE_DIR: z.string().min(1).default(".cairn/keys"),
    KEYSTORE_PASSPHRASE: z.string().min(8).default(DEVELOPMENT_KEYSTORE_PASSPHRASE),
  },
  requiredInProduction: [
    {
      variable: "KEYSTORE_PASSPHRASE",
      only: ["api", "worker"],
      fix: "give the secret that encrypts the issuers' signing keys",
    },
  ],
  secrets: [{ variable: "KEYSTORE_PASSPHRASE" }],
  shape: (env): { keys: KeysConfig } => ({
    keys: { directory: env.KEYSTORE_DIR, passphrase: env.KEYSTORE_PASSPHRASE },
  }),
});

/** Where issuers' signing keys are stored, encrypted, when no key management service is used. */
interface KeysConfig {
  directory: string;
  passphrase: string;
}
