import { type Context, jobRuntimeOf } from "../../process/context";
import type { SessionReader } from "../http/authenticate";
import { defineModule, type Module } from "../http/module";
import { readIndexedRegistration } from "./anchoring/indexedRegistration";
import { createAnchoringQueue, enqueueAnchoring, startAnchoringWorker } from "./anchoring/jobs";
import { ANCHORING, anchoringHandler } from "./anchoring/outcome";
import { createChallengeStore } from "./challenges/store";
import { walletEndpoints } from "./routes";
import type { Wallet } from "./rules";
import { createWalletStore } from "./store";

export interface WalletNeeds {
  readSession: SessionReader;
  openSession(input: { userId: string; userAgent: string | undefined }): Promise<{ token: string; expiresAt: Date }>;
}

export interface WalletPorts {
  /** A user's linked wallets, the first linked first. */
  walletsOf(userId: string): Promise<{ walletAddress: string; did: string }[]>;
  /** The DIDs a user has proved control of. */
  didsOf(userId: string): Promise<string[]>;
}

/** Wallets linked to accounts, and the anchoring of their DIDs. */
export function createWallets(context: Context, needs: WalletNeeds): Module<WalletPorts> {
  const { config, clock, mongo, chain, projection, timing } = context;
  const jobs = jobRuntimeOf(context);
  const wallets = createWalletStore(mongo);
  const queue = createAnchoringQueue(jobs);
  const deps = {
    wallets,
    chain,
    clock,
    indexedRegistration: (walletAddress: string) => readIndexedRegistration(projection, walletAddress),
    enqueueAnchoring: (wallet: Pick<Wallet, "walletAddress" | "anchoring">, requestId?: string) =>
      enqueueAnchoring(queue, wallet, requestId),
  };
  const walletsOf: WalletPorts["walletsOf"] = async (userId) =>
    (await wallets.ofUser(userId)).map(({ walletAddress, did }) => ({ walletAddress, did }));

  return defineModule({
    name: "wallets",
    endpoints: walletEndpoints({
      ...deps,
      challenges: createChallengeStore(mongo),
      publicUrl: config.http.publicUrl,
      challengeSeconds: config.wallets.challengeSeconds,
      readSession: needs.readSession,
      openSession: needs.openSession,
      limited: config.sessions.limitLogins,
    }),
    queues: [queue],
    relayHandlers: { [ANCHORING]: anchoringHandler(deps) },
    workers: [
      {
        name: "anchoring",
        start: ({ relayer }) =>
          startAnchoringWorker({
            ...deps,
            relayer,
            jobs,
            concurrency: config.anchoring?.concurrency ?? 1,
            sweepSeconds: timing.sweepAfterSeconds,
            unseenSeconds: timing.unseenSeconds,
          }),
      },
    ],
    metrics: [
      {
        name: "cairn_anchorings",
        help: "Linked wallets by how far the anchoring of their DID is",
        labelNames: ["status"],
        read: async () =>
          Object.entries(await wallets.countByStatus()).map(([status, value]) => ({ labels: { status }, value })),
      },
    ],
    ports: {
      walletsOf,
      didsOf: async (userId) => (await walletsOf(userId)).map(({ did }) => did),
    },
  });
}
