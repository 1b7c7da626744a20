import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { registerClient } from "../../api/oauth/clients/actions";
import { createSealer } from "../../api/oauth/clients/sealer";
import { queryProblems } from "../../api/presentations/dcql/query";
import type { ScopeDefinition } from "../../api/oauth/clients/rules";
import { createClientStore } from "../../api/oauth/clients/store";
import { systemClock } from "../../core/clock";
import { connectMongo } from "../../core/mongo";

/** A relying party that speaks OAuth only, registered at the gateway, with its callback served on this machine. */
export interface Shop {
  clientId: string;
  secret: string;
  redirectUri: string;
  /** The scope it asks for. */
  scope: string;
  /** Resolves with the address of the first callback a browser brings. */
  callback: Promise<URL>;
  /** Removes the registration and ends the callback's server. */
  close(): Promise<void>;
}

/** What the shop's users may be asked to show, and by whose verifier. */
export interface ShopRegistration {
  mongodbUri: string;
  /** Undefined for Cairn's own verifier. */
  verifierUrl: string | undefined;
  scope: ScopeDefinition;
}

/** Serves the callback and registers the shop in the gateway's database, as `npm run client -- add` does. */
export async function startShop({ mongodbUri, verifierUrl, scope }: ShopRegistration): Promise<Shop> {
  const server = await startCallbackServer();
  const mongo = await connectMongo({ uri: mongodbUri, name: "demo" });
  const clients = createClientStore(mongo);
  // Neither verifier wants credentials, so there is nothing to seal.
  const sealer = createSealer(() => Promise.resolve(randomBytes(32)));
  const { client, secret } = await registerClient(
    { clients, sealer, clock: systemClock, queryProblems },
    {
      name: "The corner shop",
      redirectUris: [server.redirectUri],
      verifierUrl,
      scopes: [scope],
    },
  );
  if (secret === null) throw new Error("a client without keys has a secret");
  return {
    clientId: client.clientId,
    secret,
    redirectUri: server.redirectUri,
    scope: scope.name,
    callback: server.callback,
    async close() {
      await clients.remove(client.clientId);
      await mongo.close();
      server.close();
    },
  };
}

interface CallbackServer {
  redirectUri: string;
  callback: Promise<URL>;
  close(): void;
}

async function startCallbackServer(): Promise<CallbackServer> {
  let receive: (url: URL) => void = () => undefined;
  const callback = new Promise<URL>((resolve) => (receive = resolve));
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", redirectUri);
    if (url.pathname !== "/callback") return response.writeHead(404).end();
    receive(url);
    return response
      .writeHead(200, { "content-type": "text/plain" })
      .end("Back at the shop. The terminal shows what it received.\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const redirectUri = `http://localhost:${(server.address() as AddressInfo).port}/callback`;
  return {
    redirectUri,
    callback,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
