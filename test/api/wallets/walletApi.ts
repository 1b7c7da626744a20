import type { HDNodeWallet, Wallet } from "ethers";
import { randomUUID } from "node:crypto";
import { createHttpApp } from "../../../api/http/httpApp";
import { openBudgets } from "../../../api/http/rateLimit";
import { listen } from "../../../api/http/server";
import type { IndexedRegistration } from "../../../api/wallets/anchoring/rules";
import { openChallengeStore } from "../../../api/wallets/challenges/store";
import { walletEndpoints } from "../../../api/wallets/routes";
import { openWalletStore, type Wallet as LinkedWallet } from "../../../api/wallets/store";
import { DomainError } from "../../../core/errors";
import { fakeClock } from "../../support/fakeClock";
import { type Stage } from "./stage";

export const PUBLIC_URL = "https://cairn.example";

/** An answer of the API. */
export interface Answer {
  status: number;
  body: AnswerBody;
}

export interface AnswerBody {
  code: string;
  nonce: string;
  message: string;
  typedData: {
    domain: object;
    types: Record<string, { name: string; type: string }[]>;
    message: Record<string, string>;
  } | null;
  walletAddress: string;
  did: string;
  kind: string;
  userId: string;
  sessionId: string;
  anchoring: {
    status: string;
    transactionHash: string | null;
    blockNumber: number | null;
    error?: { code: string; remedy: string };
  };
  wallets: AnswerBody[];
}

/** The wallet operations over HTTP. Sessions are made up: `newUser` gives a token that stands for one. */
export async function startWalletApi(stage: Stage, options: { publicUrl?: string } = {}) {
  const clock = fakeClock();
  const sessions = new Map<string, { userId: string; sessionId: string }>();
  const queued: LinkedWallet[] = [];
  const indexed = new Map<string, IndexedRegistration>();
  const undeclared: string[] = [];
  const publicUrl = options.publicUrl ?? PUBLIC_URL;

  const readSession = (token: string) => {
    const session = sessions.get(token);
    if (session === undefined)
      return Promise.reject(new DomainError("session.unknown", "unauthenticated", "No such session."));
    return Promise.resolve(session);
  };
  const open = (userId: string) => {
    const token = `SES-${randomUUID()}`;
    sessions.set(token, { userId, sessionId: randomUUID() });
    return token;
  };
  const endpoints = walletEndpoints({
    wallets: openWalletStore(stage.mongo),
    challenges: openChallengeStore(stage.mongo),
    chain: stage.chain,
    indexedRegistration: (walletAddress) => Promise.resolve(indexed.get(walletAddress) ?? null),
    enqueueAnchoring(wallet) {
      queued.push(wallet as LinkedWallet);
      return Promise.resolve();
    },
    ...{ publicUrl, challengeSeconds: 300, clock, readSession, limited: false },
    openSession: ({ userId }) => Promise.resolve({ token: open(userId), expiresAt: clock.now() }),
  });
  const app = createHttpApp(endpoints, {
    ...{ readSession, logger: stage.logger, publicUrl, bodyLimitBytes: 65_536, trustProxy: 0 },
    budgets: openBudgets({ redis: stage.connectRedis(false), prefix: stage.redisPrefix }),
    onFinished: () => undefined,
    onUndeclared: (what) => undeclared.push(what),
  });
  const server = await listen(app, { host: "127.0.0.1", port: 0 });

  async function ask(method: string, path: string, token: string | null, body?: object): Promise<Answer> {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, {
      method,
      headers: {
        ...(token !== null && { authorization: `Bearer ${token}` }),
        ...(body && { "content-type": "application/json" }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: (text === "" ? {} : JSON.parse(text)) as AnswerBody };
  }

  return {
    clock,
    queued,
    indexed,
    ask,
    newUser: () => open(randomUUID()),
    post: (path: string, token: string | null, body: object) => ask("POST", path, token, body),
    /** Asks for a challenge and fails when it is refused. */
    async challenge(
      token: string | null,
      walletAddress: string,
      purpose: "link" | "login" | "anchor" = "link",
    ): Promise<AnswerBody> {
      const { status, body } = await ask("POST", "/auth/wallet/challenge", token, { walletAddress, purpose });
      if (status !== 201) throw new Error(`no challenge: ${status} ${body.code}`);
      return body;
    },
    /** Ends the server and returns what answers were not as their endpoint declares. */
    async close(): Promise<string[]> {
      await server.close(1_000);
      return undeclared;
    },
  };
}

export type WalletApi = Awaited<ReturnType<typeof startWalletApi>>;

/** Signs a challenge's registration as a holder's wallet would. */
export function signTypedData(holder: HDNodeWallet | Wallet, { typedData }: AnswerBody): Promise<string> {
  if (typedData === null) throw new Error("the challenge holds no registration");
  // ethers adds this type itself and refuses it when it is given.
  const types = Object.fromEntries(Object.entries(typedData.types).filter(([name]) => name !== "EIP712Domain"));
  return holder.signTypedData(typedData.domain, types, typedData.message);
}
