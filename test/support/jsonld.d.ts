/** The parts of the libraries that the tests read JSON-LD with; they ship no types of their own. */
declare module "jsonld" {
  export function expand(
    document: object,
    options: {
      safe: boolean;
      documentLoader(url: string): Promise<{ contextUrl: null; documentUrl: string; document: object }>;
    },
  ): Promise<Record<string, unknown>[]>;
}

declare module "@digitalbazaar/credentials-context" {
  /** Contexts of the VC Data Model by their addresses. */
  export const contexts: ReadonlyMap<string, object>;
}
