import { registryDomain } from "../../chain/deployment";
import { COMMANDS } from "../../core/internalApi";
import type { Context } from "../../process/context";
import { authenticateSession, SESSION_REJECTIONS, type SessionReader } from "../http/authenticate";
import { PAYMENT_REJECTIONS } from "../http/paymentRejections";
import { defineEndpoint, type Endpoint, type RejectionDescription, type RequestContext } from "../http/endpoint";
import { sessionReply } from "../http/sessionReply";
import { authenticateWallet, linkWallet, listWallets, unlinkWallet, type WalletDeps } from "./actions";
import { requestAnchoring } from "./anchoring/actions";
import { issueChallenge } from "./challenges/actions";
import type { SessionWallet } from "./control/rules";
import { keyAccountFor } from "./keyAccounts";
import {
  anchorBody,
  challengeBody,
  challengeCommandBody,
  challengeReply,
  keyAccountBody,
  keyAccountReply,
  linkBody,
  loginBody,
  openedReply,
  showChallenge,
  walletParams,
  walletReply,
  walletsReply,
} from "./schemas";

export interface WalletEndpointDeps extends WalletDeps {
  /** Finds the session of a token. */
  readSession: SessionReader;
  /** Opens a session for a user whose wallet proved it. */
  openSession(input: {
    userId: string;
    userAgent: string | undefined;
    wallet: SessionWallet;
  }): Promise<{ token: string; expiresAt: Date }>;
  config: Pick<Context["config"], "http" | "wallets" | "sessions" | "spending">;
}

const TAG = "Wallets";

const notFound = { code: "wallet.not_found", kind: "not_found", meaning: "The account has no such wallet." } as const;

const proofRejections: RejectionDescription[] = [
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
  {
    code: "signature.verifier_not_accepted",
    kind: "forbidden",
    meaning: "The wallet is the account of a key whose verifier this installation does not accept.",
  },
  { code: "signature.malformed", kind: "invalid", meaning: "The signature has no accepted form, or a high s." },
];

const controlRejections: RejectionDescription[] = [
  {
    code: "did.not_controlled",
    kind: "forbidden",
    meaning: "The chain names another account as the DID's controller, and the wallet controls no other DID.",
  },
  { code: "did.deactivated", kind: "gone", meaning: "The DID was deactivated, and the wallet controls no other." },
];

/** The operations on wallets: prove control, link, log in, anchor. */
export function walletEndpoints(deps: WalletEndpointDeps): Endpoint[] {
  const endpoints = [
    keyAccountEndpoint,
    challengeEndpoint,
    challengeCommand,
    linkEndpoint,
    loginEndpoint,
    listEndpoint,
    anchorEndpoint,
    unlinkEndpoint,
  ];
  return endpoints.map((endpoint) => endpoint(deps));
}

function keyAccountEndpoint(deps: WalletEndpointDeps): Endpoint {
  return defineEndpoint({
    method: "post",
    path: "/auth/wallet/key-account",
    tag: TAG,
    summary: "Compute the account of a passkey or another P-256 key",
    description:
      "The account is a function of the public key: asking stores nothing and proves nothing. A signature of the account is `signaturePrefix` and then, for `p256`, r and s of 32 bytes each over the digest, s low; for `webauthn`, the ABI encoding of (r, s, challengeIndex, typeIndex, authenticatorData, clientDataJSON) of an assertion whose challenge is the digest, with user verification. docs/passkeys.md has the code for browsers.",
    auth: "none",
    body: keyAccountBody,
    replies: { 200: { description: "The account.", schema: keyAccountReply } },
    rejections: [
      { code: "wallet.public_key_invalid", kind: "invalid", meaning: "It is no public key of P-256." },
      {
        code: "wallet.key_scheme_unavailable",
        kind: "not_implemented",
        meaning: "The deployment has no verifier of such keys.",
      },
    ],
    handle: ({ body }) => Promise.resolve({ status: 200, body: keyAccountFor(deps.chain, body) }),
  });
}

function challengeEndpoint(deps: WalletEndpointDeps): Endpoint {
  return defineEndpoint({
    method: "post",
    path: "/auth/wallet/challenge",
    tag: TAG,
    summary: "Ask for a challenge to sign",
    description:
      "`link` and `anchor` need a session and belong to it; `login` needs none. The text is EIP-4361; the typed data authorizes the relayer to anchor the wallet's DID. Passkeys sign the digests.",
    auth: "none",
    body: challengeBody,
    limit: deps.config.sessions.limitLogins
      ? { name: "wallet-challenge", limit: 120, windowSeconds: 60, by: "address" }
      : undefined,
    replies: { 201: { description: "The challenge, to be answered once and in time.", schema: challengeReply } },
    rejections: [...SESSION_REJECTIONS, notFound],
    handle: async ({ body }, context) => {
      const caller = body.purpose === "login" ? null : await callerOf(deps.readSession, context);
      const { requestId } = context;
      const challenge = await issueChallenge(deps, { ...body, caller, requestId });
      return { status: 201, body: showChallenge(challenge, registryDomain(deps.chain.deployment)) };
    },
  });
}

/** As a device's command: the challenge belongs to the device's session, as the public operation's to a browser's. */
function challengeCommand(deps: WalletEndpointDeps): Endpoint {
  return defineEndpoint({
    port: "internal",
    method: COMMANDS["wallet.challenge"].method,
    path: COMMANDS["wallet.challenge"].path,
    tag: "Commands",
    summary: "wallet.challenge: ask for a challenge to sign",
    description: "The text is EIP-4361; the typed data authorizes the relayer to anchor the wallet's DID.",
    auth: "command",
    body: challengeCommandBody,
    limit: deps.config.sessions.limitLogins
      ? { name: "wallet-challenge-command", limit: 120, windowSeconds: 60, by: "user" }
      : undefined,
    replies: { 201: { description: "The challenge, to be answered once and in time.", schema: challengeReply } },
    rejections: [notFound],
    handle: async ({ body, caller }, { requestId }) => {
      const challenge = await issueChallenge(deps, { ...body, caller, requestId });
      return { status: 201, body: showChallenge(challenge, registryDomain(deps.chain.deployment)) };
    },
  });
}

function linkEndpoint(deps: WalletEndpointDeps): Endpoint {
  return defineEndpoint({
    method: "post",
    path: "/auth/wallet/link",
    tag: TAG,
    summary: "Link a wallet to the account",
    description:
      "With registrationSignature the DID is anchored too; `GET /auth/wallets` shows how far that is. A wallet brings every DID that it controls on the chain: that of its own address unless that was handed over or deactivated, and those of which it was made the controller. One that controls none is not linked.",
    auth: "session",
    body: linkBody,
    limit: deps.config.sessions.limitLogins
      ? { name: "wallet-link", limit: 60, windowSeconds: 60, by: "user" }
      : undefined,
    replies: { 201: { description: "The wallet is linked.", schema: walletReply } },
    rejections: [
      ...proofRejections,
      ...controlRejections,
      { code: "wallet.linked_elsewhere", kind: "conflict", meaning: "Another account has this wallet." },
    ],
    handle: async ({ body, caller }, context) => ({
      status: 201,
      body: await linkWallet(deps, { ...body, caller }, context),
    }),
  });
}

function loginEndpoint(deps: WalletEndpointDeps): Endpoint {
  return defineEndpoint({
    method: "post",
    path: "/auth/wallet/verify",
    tag: TAG,
    summary: "Log in with a linked wallet",
    description:
      "As the holder of `did`, which the wallet has to control on the chain. Without it: of the DID of its own address or, where that was handed over or deactivated, of the first other that it controls. The session ends when the wallet is unlinked, or when that DID's controller changes or it is deactivated.",
    auth: "none",
    body: loginBody,
    limit: deps.config.sessions.limitLogins
      ? { name: "wallet-login", limit: 60, windowSeconds: 60, by: "address" }
      : undefined,
    replies: { 200: { description: "A new session.", schema: openedReply } },
    rejections: [
      ...proofRejections,
      ...controlRejections,
      { code: "wallet.not_linked", kind: "unauthenticated", meaning: "No account has this wallet." },
      { code: "session.unknown", kind: "unauthenticated", meaning: "The account was erased while it logged in." },
    ],
    handle: async ({ body }, context) => {
      const { userId, did } = await authenticateWallet(deps, body);
      const transport = body.cookie ? "cookie" : "bearer";
      const { walletAddress } = body;
      const wallet = { walletAddress, did };
      const { token, expiresAt } = await deps.openSession({ userId, userAgent: context.userAgent, wallet });
      return sessionReply(200, {
        token,
        transport,
        body: { userId, walletAddress, did, expiresAt },
      });
    },
  });
}

function listEndpoint(deps: WalletEndpointDeps): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/auth/wallets",
    tag: TAG,
    summary: "The account's wallets",
    description: "The first linked first, each with who controls its DID and how far the anchoring of that is.",
    auth: "session",
    replies: { 200: { description: "The wallets.", schema: walletsReply } },
    handle: async ({ caller }) => ({ status: 200, body: { wallets: await listWallets(deps, caller.userId) } }),
  });
}

function anchorEndpoint(deps: WalletEndpointDeps): Endpoint {
  return defineEndpoint({
    method: "post",
    path: "/auth/wallets/:walletAddress/anchor",
    tag: TAG,
    summary: "Anchor a linked wallet's DID",
    description:
      "With a fresh registrationSignature, or without one to try again with the one at hand. Harmless while it is under way.",
    auth: "session",
    params: walletParams,
    body: anchorBody.default({}),
    limit: deps.config.sessions.limitLogins
      ? { name: "wallet-anchor", limit: 30, windowSeconds: 60, by: "user" }
      : undefined,
    replies: { 202: { description: "It is under way, or done.", schema: walletReply } },
    rejections: [
      notFound,
      {
        code: "anchoring.signature_required",
        kind: "conflict",
        meaning: "There is no signature that could still be used.",
      },
      {
        code: "anchoring.contract_wallet",
        kind: "forbidden",
        meaning: "This installation does not pay for wallets that are contracts.",
      },
      ...PAYMENT_REJECTIONS,
      ...proofRejections,
    ],
    handle: async ({ params, body, caller }, context) => {
      const wallet = await requestAnchoring(deps, { ...params, ...body, caller }, context);
      return { status: 202, body: wallet };
    },
  });
}

function unlinkEndpoint(deps: WalletEndpointDeps): Endpoint {
  return defineEndpoint({
    method: "delete",
    path: "/auth/wallets/:walletAddress",
    tag: TAG,
    summary: "Unlink a wallet",
    description: "The sessions that it opened end. Its DID stays anchored: only its holder can deactivate that.",
    auth: "session",
    params: walletParams,
    replies: { 204: { description: "The wallet is unlinked." } },
    rejections: [notFound],
    handle: async ({ params, caller }) => {
      await unlinkWallet(deps, { userId: caller.userId, walletAddress: params.walletAddress });
      return { status: 204 };
    },
  });
}

/** The endpoint is open to all, but two of its purposes are not. */
async function callerOf(readSession: SessionReader, context: RequestContext) {
  return authenticateSession(readSession, { method: "POST", header: (name) => context.header(name) });
}
