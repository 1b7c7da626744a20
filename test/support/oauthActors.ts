import { registerClient } from "../../api/oauth/clients/actions";
import type { ClientRegistration } from "../../api/oauth/clients/rules";
import { createClientStore } from "../../api/oauth/clients/store";
import { createCredentialsSealer } from "../../api/oauth/clients/sealer";
import { createOAuthSessionStore, type OAuthSessionStore } from "../../api/oauth/store";
import { queryProblems } from "../../api/presentations/dcql/query";
import { type MockVerifier, type MockVerifierOptions, startMockVerifier } from "../../embedded/verifier/mockVerifier";
import type { Fixture, ModuleName } from "./fixture";

/** The modules that a verification passes through. */
export const OAUTH_MODULES: ModuleName[] = ["oauth", "inbox", "delivery"];

export const REDIRECT_URI = "https://shop.example/callback";

export const AGE_SCOPE = {
  name: "age",
  description: "that you are over 18",
  dcql: {
    credentials: [
      { id: "id", format: "dc+sd-jwt", meta: { vct_values: ["betaid-sdjwt"] }, claims: [{ path: ["age_over_18"] }] },
    ],
  },
};

/** A registered relying party, as its own server knows itself. */
export interface TestClient {
  clientId: string;
  secret: string;
}

/** Who takes part in an OAuth verification beside the browser: a relying party, and the verifier it is registered with. */
export interface OAuthActors {
  /** Where the gateway is. */
  url: string;
  verifier: MockVerifier;
  client: TestClient;
  sessions: OAuthSessionStore;
  /** Registers another relying party with the same verifier. */
  addClient(given?: Partial<ClientRegistration>): Promise<TestClient>;
  close(): Promise<void>;
}

/** Starts a mock verifier that notifies the fixture's gateway, and registers a relying party with it. */
export async function startOAuthActors(
  cairn: Pick<Fixture, "url" | "context">,
  options: { verifier?: MockVerifierOptions; client?: Partial<ClientRegistration> } = {},
): Promise<OAuthActors> {
  const { url, context } = cairn;
  const { mongo, keys, clock } = context;
  const deps = { clients: createClientStore(mongo), sealer: createCredentialsSealer(keys), clock, queryProblems };
  const verifier = await startMockVerifier({ webhook: { url: `${url}/notification` }, ...options.verifier });
  async function addClient(given: Partial<ClientRegistration> = {}): Promise<TestClient> {
    const { client, secret } = await registerClient(deps, {
      name: "Shop & Sons",
      redirectUris: [REDIRECT_URI, `${REDIRECT_URI}/other`],
      verifierUrl: verifier.url,
      scopes: [AGE_SCOPE],
      // Most tests are of something else than PKCE.
      withoutPkce: true,
      ...given,
    });
    return { clientId: client.clientId, secret: secret ?? "none: it has keys" };
  }
  return {
    url,
    verifier,
    client: await addClient(options.client),
    sessions: createOAuthSessionStore(context),
    addClient,
    close: () => verifier.close(),
  };
}
