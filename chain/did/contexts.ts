/** JSON-LD contexts of others, by what they define. */
export const CONTEXT = {
  did: { v1: "https://www.w3.org/ns/did/v1", "v1.1": "https://www.w3.org/ns/did/v1.1" },
  recoveryMethod: "https://w3id.org/security/suites/secp256k1recovery-2020/v2",
  jsonWebKey: "https://w3id.org/security/suites/jws-2020/v1",
  credentials: "https://www.w3.org/ns/credentials/v2",
  /** Gives every name that no other context defines an IRI; has to come last (VC Data Model 2.0 §4.3). */
  undefinedTerms: "https://www.w3.org/ns/credentials/undefined-terms/v2",
} as const;

/** Where the context of the terms of our own is served. */
export const OWN_CONTEXT_PATH = "/contexts/v1";

/**
 * The context of the terms of our own: the service type of DID documents and the credential status on the chain. Each
 * term's IRI is below the context's own address. What is served there never changes; a term added later gets a context
 * of another version.
 *
 * @param publicUrl origin under which people reach the API, without a trailing slash
 */
export function ownContext(publicUrl: string): Record<string, unknown> {
  const term = (name: string) => `${publicUrl}${OWN_CONTEXT_PATH}#${name}`;
  const xsd = (type: string) => `http://www.w3.org/2001/XMLSchema#${type}`;
  return {
    "@context": {
      "@version": 1.1,
      "@protected": true,
      DidDocument: { "@id": term("DidDocument") },
      CairnRegistryStatus: {
        "@id": term("CairnRegistryStatus"),
        "@context": {
          "@version": 1.1,
          "@protected": true,
          id: "@id",
          type: "@type",
          chainId: { "@id": term("chainId"), "@type": xsd("integer") },
          registry: { "@id": term("registry"), "@type": xsd("string") },
          credId: { "@id": term("credId"), "@type": xsd("string") },
        },
      },
    },
  };
}
