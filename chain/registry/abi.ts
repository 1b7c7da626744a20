import { DIDRegistry__factory, IssuerRegistry__factory } from "../../typechain-types";

/** The contracts' ABIs. */
export const DID_REGISTRY_ABI = DIDRegistry__factory.abi;
export const ISSUER_REGISTRY_ABI = IssuerRegistry__factory.abi;

/** Encode calls and decode answers, logs and errors by these ABIs; they need no connection. */
export const didRegistryInterface = DIDRegistry__factory.createInterface();
export const issuerRegistryInterface = IssuerRegistry__factory.createInterface();
