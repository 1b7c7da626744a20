import { authenticateSession, SESSION_REFUSALS, type SessionReader } from "../http/authenticate";
import {
  defineEndpoint,
  type Endpoint,
  type EndpointLimit,
  type RefusalDescription,
  type RequestContext,
} from "../http/endpoint";
import { sessionReply, type SessionTransport } from "../http/sessionReply";
import { linkWallet, listWallets, proveLogin, requestAnchoring, unlinkWallet } from "./actions";
import { issueChallenge, type WalletParts } from "./challenges/actions";
import { registryDomain } from "../../chain/deployment";
import { registrationTypedData } from "../../chain/registry/registration";
import {
  anchorBody,
  challengeBody,
  challengeReply,
  linkBody,
  loginBody,
  openedReply,
  walletParams,
  walletReply,
  walletsReply,
} from "./schemas";

export interface WalletEndpointParts extends WalletParts {
  /** Finds the session of a token. */
  readSession: SessionReader;
  /** Opens a session for a user whose wallet proved it. */
  openSession(input: {
    userId: string;
    transport: SessionTransport;
    userAgent: string | undefined;
  }): Promise<{ token: string; expiresAt: Date }>;
  /** Whether callers' requests are counted. */
  limited: boolean;
}

const TAG = "Wallets";

const notFound = { code: "wallet.not_found", kind: "not_found", meaning: "The account has no such wallet." } as const;

const proofRefusals: RefusalDescription[] = [
  {
    code: "wallet.challenge_unknown",
    kind: "not_found",
    meaning: "There is no such challenge for this wallet, purpose and session.",
  },
  {
    code: "wallet.challenge_consumed",
    kind: "conflict",
    meaning: "The challenge was answered before; it counts once.",
  },
  { code: "wallet.challenge_expired", kind: "gone", meaning: "The challenge is too old: ask for a new one." },
  {
    code: "wallet.challenge_exhausted",
    kind: "too_many",
    meaning: "Too many signatures were tried against the challenge.",
  },
  {
    code: "wallet.signature_mismatch",
    kind: "forbidden",
    meaning: "The signature is not this wallet's over what was asked.",
  },
  { code: "signature.malformed", kind: "invalid", meaning: "The signature has no accepted form, or a high s." },
];

/** The operations on wallets: prove control, link, log in, anchor. */
export function walletEndpoints(parts: WalletEndpointParts): Endpoint[] {
  const limit = (policy: EndpointLimit) => (parts.limited ? policy : undefined);
  return [
    defineEndpoint({
      method: "post",
      path: "/auth/wallet/challenge",
      tag: TAG,
      summary: "Ask for a challenge to sign",
      description:
        "`link` and `anchor` need a session and belong to it; `login` needs none. The text is EIP-4361; the typed data authorizes the relayer to anchor the wallet's DID.",
      auth: "none",
      body: challengeBody,
      limit: limit({ name: "wallet-challenge", limit: 120, windowSeconds: 60, by: "address" }),
      replies: { 201: { description: "The challenge, to be answered once and in time.", schema: challengeReply } },
      refusals: [...SESSION_REFUSALS, notFound],
      handle: async ({ body }, context) => {
        const caller = body.purpose === "login" ? null : await callerOf(parts.readSession, context);
        const challenge = await issueChallenge(parts, { ...body, caller }, context);
        const { nonce, message, registration, issuedAt, expiresAt } = challenge;
        const typedData = registration && registrationTypedData(registryDomain(parts.chain.deployment), registration);
        return { status: 201, body: { nonce, message, typedData, issuedAt, expiresAt } };
      },
    }),
    defineEndpoint({
      method: "post",
      path: "/auth/wallet/link",
      tag: TAG,
      summary: "Link a wallet to the account",
      description: "With registrationSignature the DID is anchored too; `GET /auth/wallets` shows how far that is.",
      auth: "session",
      body: linkBody,
      limit: limit({ name: "wallet-link", limit: 60, windowSeconds: 60, by: "user" }),
      replies: { 201: { description: "The wallet is linked.", schema: walletReply } },
      refusals: [
        ...proofRefusals,
        { code: "wallet.linked_elsewhere", kind: "conflict", meaning: "Another account has this wallet." },
      ],
      handle: async ({ body, caller }, context) => ({
        status: 201,
        body: await linkWallet(parts, caller, body, context),
      }),
    }),
    defineEndpoint({
      method: "post",
      path: "/auth/wallet/verify",
      tag: TAG,
      summary: "Log in with a linked wallet",
      auth: "none",
      body: loginBody,
      limit: limit({ name: "wallet-login", limit: 60, windowSeconds: 60, by: "address" }),
      replies: { 200: { description: "A new session.", schema: openedReply } },
      refusals: [
        ...proofRefusals,
        { code: "wallet.not_linked", kind: "unauthenticated", meaning: "No account has this wallet." },
      ],
      handle: async ({ body }, context) => {
        const { userId, did } = await proveLogin(parts, body);
        const transport = body.cookie ? "cookie" : "bearer";
        const { token, expiresAt } = await parts.openSession({ userId, transport, userAgent: context.userAgent });
        return sessionReply(200, {
          token,
          transport,
          body: { userId, walletAddress: body.walletAddress, did, expiresAt },
        });
      },
    }),
    defineEndpoint({
      method: "get",
      path: "/auth/wallets",
      tag: TAG,
      summary: "The account's wallets",
      description: "The first linked first, each with how far the anchoring of its DID is.",
      auth: "session",
      replies: { 200: { description: "The wallets.", schema: walletsReply } },
      handle: async ({ caller }) => ({ status: 200, body: { wallets: await listWallets(parts, caller.userId) } }),
    }),
    defineEndpoint({
      method: "post",
      path: "/auth/wallets/:walletAddress/anchor",
      tag: TAG,
      summary: "Anchor a linked wallet's DID",
      description:
        "With a fresh registrationSignature, or without one to try again with the one at hand. Harmless while it is under way.",
      auth: "session",
      params: walletParams,
      body: anchorBody.default({}),
      limit: limit({ name: "wallet-anchor", limit: 30, windowSeconds: 60, by: "user" }),
      replies: { 202: { description: "It is under way, or done.", schema: walletReply } },
      refusals: [
        notFound,
        {
          code: "anchoring.signature_required",
          kind: "conflict",
          meaning: "There is no signature that could still be used.",
        },
        ...proofRefusals,
      ],
      handle: async ({ params, body, caller }, context) => {
        const wallet = await requestAnchoring(parts, caller, { ...params, ...body }, context);
        return { status: 202, body: wallet };
      },
    }),
    defineEndpoint({
      method: "delete",
      path: "/auth/wallets/:walletAddress",
      tag: TAG,
      summary: "Unlink a wallet",
      description: "Its DID stays anchored: only its holder can deactivate that.",
      auth: "session",
      params: walletParams,
      replies: { 204: { description: "The wallet is unlinked." } },
      refusals: [notFound],
      handle: async ({ params, caller }) => {
        await unlinkWallet(parts, caller, params.walletAddress);
        return { status: 204 };
      },
    }),
  ];
}

/** The endpoint is open to all, but two of its purposes are not. */
async function callerOf(readSession: SessionReader, context: RequestContext) {
  return authenticateSession(readSession, { method: "POST", header: (name) => context.header(name) });
}
