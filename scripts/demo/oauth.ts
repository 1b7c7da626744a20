import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { registerClient } from "../../api/oauth/clients/actions";
import { createClientStore } from "../../api/oauth/clients/store";
import { createSealer } from "../../api/oauth/clients/sealer";
import { systemClock } from "../../core/clock";
import { connectMongo } from "../../core/mongo";
import { type MockVerifier, startMockVerifier } from "../../embedded/verifier/mockVerifier";
import type { Scene, Stage } from "./stage";

/** Where the gateway's story is played: the relying party is registered in the database. */
export interface OAuthStage extends Pick<Stage, "apiUrl"> {
  mongodbUri: string;
}

interface Shop {
  clientId: string;
  secret: string;
  redirectUri: string;
  /** The callback the browser brings next. */
  called: Promise<URL>;
  close(): Promise<void>;
}

const STATUS_DEADLINE_MS = 30_000;
const HAND_DEADLINE_MS = 15 * 60_000;

/**
 * Plays a shop that asks for proof of age over OAuth: it begins, the wallet answers a stand-in for the verifier, the
 * browser brings the code, the shop redeems it and reads what was shown.
 *
 * @param byHand when given, a person clicks through it in a browser: called with the address to open
 * @throws Error naming what was answered where it should have been something else
 */
export async function playOAuth(
  stage: OAuthStage,
  tell: (scene: Scene) => void,
  byHand?: (startUrl: string) => void,
): Promise<void> {
  const scene = async (title: string, act: () => Promise<string[]>) => {
    const startedAt = performance.now();
    const outcome = await act();
    tell({ title, outcome, milliseconds: performance.now() - startedAt });
  };
  const verifier = await startMockVerifier({ deepLinks: "wallet", webhook: { url: `${stage.apiUrl}/notification` } });
  let shop: Shop | undefined;
  try {
    await scene("A shop is registered as a client of the gateway", async () => {
      shop = await openShop(stage, verifier);
      return [`client ${shop.clientId}`, `its verifier: a stand-in at ${verifier.url}`];
    });
    if (shop !== undefined) await playPurchase(stage, { shop, verifier, scene, byHand });
  } finally {
    await shop?.close();
    await verifier.close();
  }
}

interface Purchase {
  shop: Shop;
  verifier: MockVerifier;
  scene: (title: string, act: () => Promise<string[]>) => Promise<void>;
  byHand: ((startUrl: string) => void) | undefined;
}

async function playPurchase(stage: OAuthStage, { shop, verifier, scene, byHand }: Purchase): Promise<void> {
  const { apiUrl } = stage;
  const codeVerifier = randomBytes(32).toString("base64url");
  const state = randomBytes(16).toString("base64url");
  const form = (fields: Record<string, string>) => ({
    method: "POST",
    headers: { authorization: `Basic ${Buffer.from(`${shop.clientId}:${shop.secret}`).toString("base64")}` },
    body: new URLSearchParams(fields),
  });
  let start = "";
  let callback: URL | undefined;
  let token = "";

  await scene("It pushes its request (RFC 9126), with PKCE", async () => {
    const challenge = createHash("sha256").update(codeVerifier).digest("base64url");
    const request = { response_type: "code", redirect_uri: shop.redirectUri, scope: "age", state };
    const pkce = { code_challenge: challenge, code_challenge_method: "S256" };
    const pushed = await answer(fetch(`${apiUrl}/par`, form({ ...request, ...pkce })), 201);
    start = `${apiUrl}/authorize?${new URLSearchParams({ client_id: shop.clientId, request_uri: String(pushed["request_uri"]) }).toString()}`;
    return [`POST /par -> request_uri, good for ${String(pushed["expires_in"])} s`];
  });

  if (byHand !== undefined) {
    byHand(start);
    await scene("You show your age with the played wallet", async () => {
      callback = await Promise.race([shop.called, delay(HAND_DEADLINE_MS).then(() => undefined)]);
      if (callback === undefined) throw new Error("Nobody came back within 15 minutes.");
      return ["the browser came back to the shop"];
    });
  } else {
    await scene("A browser opens it; the wallet shows what is asked for", async () => {
      const began = await fetch(start, { headers: { accept: "application/json" } });
      const cookie = began.headers
        .getSetCookie()
        .map((line) => line.split(";")[0])
        .join("; ");
      const begun = await answer(Promise.resolve(began), 200);
      const id = String(begun["verification_id"]);
      verifier.answerAsWallet(id, "show", "twice");
      await untilVerified(String(begun["status_url"]), cookie);
      const finished = await fetch(String(begun["finish_url"]), { headers: { cookie }, redirect: "manual" });
      callback = new URL(finished.headers.get("location") ?? "");
      return [
        `deep link ${String(begun["verification_deeplink"]).slice(0, 60)}...`,
        "the verifier told the gateway twice; one code was given",
      ];
    });
  }

  await scene("The shop redeems the code", async () => {
    const code = callback?.searchParams.get("code") ?? "";
    if (callback?.searchParams.get("state") !== state) throw new Error("The state that came back is not the shop's.");
    const refusal = callback.searchParams.get("error");
    if (refusal !== null)
      throw new Error(`The gateway answered ${refusal}: ${callback.searchParams.get("error_description") ?? ""}`);
    const fields = {
      grant_type: "authorization_code",
      code,
      redirect_uri: shop.redirectUri,
      code_verifier: codeVerifier,
    };
    const granted = await answer(fetch(`${apiUrl}/token`, form(fields)), 200);
    token = String(granted["access_token"]);
    return [`POST /token -> access token for ${String(granted["scope"])}, ${String(granted["expires_in"])} s`];
  });

  await scene("It reads what the wallet showed", async () => {
    const information = await answer(fetch(`${apiUrl}/info`, { headers: { authorization: `Bearer ${token}` } }), 200);
    return [`GET /info -> ${String(information["status"])} ${JSON.stringify(information["claims"])}`];
  });

  await scene("It gives the token back", async () => {
    await answer(fetch(`${apiUrl}/revoke`, form({ token })), 200);
    const after = await fetch(`${apiUrl}/info`, { headers: { authorization: `Bearer ${token}` } });
    return [`GET /info -> ${after.status} from now on`];
  });
}

async function openShop({ mongodbUri }: OAuthStage, verifier: MockVerifier): Promise<Shop> {
  let call: (url: URL) => void = () => undefined;
  const called = new Promise<URL>((resolve) => (call = resolve));
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", redirectUri);
    if (url.pathname !== "/callback") return response.writeHead(404).end();
    call(url);
    return response
      .writeHead(200, { "content-type": "text/plain" })
      .end("Back at the shop. The terminal shows what it learned.\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const redirectUri = `http://localhost:${(server.address() as AddressInfo).port}/callback`;
  const mongo = await connectMongo({ uri: mongodbUri, name: "demo" });
  const clients = createClientStore(mongo);
  // The stand-in wants no credentials, so there is nothing to seal.
  const sealer = createSealer(() => Promise.resolve(randomBytes(32)));
  const dcql = {
    credentials: [
      { id: "age", format: "dc+sd-jwt", meta: { vct_values: ["betaid-sdjwt"] }, claims: [{ path: ["age_over_18"] }] },
    ],
  };
  const { client, secret } = await registerClient(
    { clients, sealer, clock: systemClock },
    {
      name: "The corner shop",
      redirectUris: [redirectUri],
      verifierUrl: verifier.url,
      scopes: [{ name: "age", description: "that you are over 18", dcql }],
    },
  );
  return {
    clientId: client.clientId,
    secret,
    redirectUri,
    called,
    async close() {
      await clients.remove(client.clientId);
      await mongo.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

async function untilVerified(statusUrl: string, cookie: string): Promise<void> {
  const deadline = performance.now() + STATUS_DEADLINE_MS;
  for (;;) {
    const { status } = await answer(fetch(`${statusUrl}?known=authorized`, { headers: { cookie } }), 200);
    if (status === "verified") return;
    if (status !== "authorized" || performance.now() > deadline)
      throw new Error(`The verification is ${String(status)}.`);
  }
}

async function answer(sent: Promise<Response>, expected: number): Promise<Record<string, unknown>> {
  const response = await sent;
  const text = await response.text();
  if (response.status !== expected)
    throw new Error(`${new URL(response.url).pathname} answered ${response.status}: ${text}`);
  return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
}
