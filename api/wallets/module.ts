import { type Context, jobRuntimeOf } from "../../process/context";
import type { SessionReader } from "../http/authenticate";
import { defineModule, type Module } from "../http/module";
import { ANCHORING, anchoringHandler } from "./anchoring/actions";
import { enqueueAnchoring, createAnchoringQueue, repeatAnchoring, startAnchoringWorker } from "./anchoring/jobs";
import { openChallengeStore } from "./challenges/store";
import { registrationReader } from "./indexed";
import { walletEndpoints } from "./routes";
import { openWalletStore } from "./store";

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
  const { config, clock, mongo, chain, timing } = context;
  const jobs = jobRuntimeOf(context);
  const wallets = openWalletStore(mongo);
  const queue = createAnchoringQueue(jobs);
  const repeat = repeatAnchoring({ wallets, queue, clock });
  const indexedRegistration = registrationReader(context.projection);
  const walletsOf: WalletPorts["walletsOf"] = async (userId) =>
    (await wallets.ofUser(userId)).map(({ walletAddress, did }) => ({ walletAddress, did }));

  return defineModule({
    name: "wallets",
    endpoints: walletEndpoints({
      wallets,
      challenges: openChallengeStore(mongo),
      chain,
      indexedRegistration,
      enqueueAnchoring: (wallet, requestId) => enqueueAnchoring(queue, wallet, requestId),
      publicUrl: config.http.publicUrl,
      challengeSeconds: config.wallets.challengeSeconds,
      clock,
      readSession: needs.readSession,
      openSession: needs.openSession,
      limited: config.sessions.limitLogins,
    }),
    queues: [queue],
    relayHandlers: { [ANCHORING]: anchoringHandler({ wallets, chain, repeat, clock }) },
    workers: [
      {
        name: "anchoring",
        start: ({ relayer }) =>
          startAnchoringWorker({
            wallets,
            chain,
            relayer,
            repeat,
            queue,
            jobs,
            clock,
            indexedRegistration,
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
