import { z } from "zod";
import { configPart } from "./part";
import { address, privateKey } from "./variables";

const FIX = "give the key of an account of your own, drawn at random";

export const deploymentPart = configPart({
  environment: {
    DID_METHOD: z.string().min(1).default("mychain"),
    DEPLOYER_PRIVATE_KEY: privateKey.optional(),
    ISSUER_REGISTRY_OWNER: address.optional(),
    ISSUER_REGISTRY_OWNER_KEY: privateKey.optional(),
  },
  secrets: [
    { variable: "DEPLOYER_PRIVATE_KEY", prefix: "0x", fix: FIX },
    { variable: "ISSUER_REGISTRY_OWNER_KEY", prefix: "0x", fix: FIX },
  ],
  shape: (env, { processName }): { deployment: DeploymentConfig } => ({
    deployment: {
      didMethod: env.DID_METHOD,
      issuerRegistryOwner: env.ISSUER_REGISTRY_OWNER,
      deployerPrivateKey: processName === "command" ? env.DEPLOYER_PRIVATE_KEY : undefined,
      issuerRegistryOwnerKey: processName === "command" ? env.ISSUER_REGISTRY_OWNER_KEY : undefined,
    },
  }),
});

/** What operators' commands need; no other process gets the keys. */
interface DeploymentConfig {
  /** The method of the DIDs, chosen once: `did:<method>:0x...`. */
  didMethod: string;
  /** Who may accredit issuers; the deployer when absent. */
  issuerRegistryOwner: string | undefined;
  /** Pays for the deployment. */
  deployerPrivateKey: string | undefined;
  /** That owner's key, for `npm run issuer -- accredit`. */
  issuerRegistryOwnerKey: string | undefined;
}
