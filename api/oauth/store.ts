import { type mongo, Schema } from "mongoose";
import { type Mongo, rawCollection } from "../../core/mongo";
import { createBatch } from "../../core/batch";
import type { AuthorizationRequest, OAuthSession, Verdict } from "./rules";

type Stored = Omit<OAuthSession, "sessionId"> & {
  _id: string;
  /** When to ask the verifier without having been told to; absent when there is nothing to ask. */
  checkAt?: Date;
  /** When the client is to be told of the outcome; absent when it was, or wants no telling. */
  tellAt?: Date;
  tellAttempts?: number;
  forgetAt: Date;
};

const request = new Schema<AuthorizationRequest>(
  {
    redirectUri: String,
    state: { type: String, default: null },
    scope: String,
    codeChallenge: { type: String, default: null },
  },
  { _id: false },
);

const schema = new Schema<Stored>(
  {
    _id: { type: String, required: true },
    clientId: { type: String, required: true },
    nonceHash: { type: String, required: true },
    status: { type: String, required: true },
    createdAt: { type: Date, required: true },
    expiresAt: { type: Date, required: true },
    pushed: { type: request, default: null },
    opening: { type: new Schema({ browserHash: String, at: Date }, { _id: false }), default: null },
    request: { type: request, default: null },
    verificationId: String,
    deepLink: { type: String, default: null },
    promisedCodeHash: { type: String, default: null },
    verdict: { type: Schema.Types.Mixed, default: null },
    closedAt: { type: Date, default: null },
    codeHash: String,
    codeExpiresAt: { type: Date, default: null },
    consumedAt: { type: Date, default: null },
    tokenHash: String,
    tokenExpiresAt: { type: Date, default: null },
    tokenRevokedAt: { type: Date, default: null },
    checkAt: Date,
    tellAt: Date,
    tellAttempts: Number,
    forgetAt: { type: Date, required: true },
  },
  // A credential without claims is an empty object, and stays one.
  { collection: "oauth_sessions", versionKey: false, minimize: false },
);
schema.index({ nonceHash: 1 }, { unique: true });
schema.index({ verificationId: 1 }, { unique: true, sparse: true });
schema.index({ codeHash: 1 }, { unique: true, sparse: true });
schema.index({ tokenHash: 1 }, { unique: true, sparse: true });
schema.index({ checkAt: 1 }, { sparse: true });
schema.index({ tellAt: 1 }, { sparse: true });
schema.index({ forgetAt: 1 }, { expireAfterSeconds: 0 });

/** What must hold of a code for it to be redeemed, and what it is redeemed for. */
export interface Redemption {
  codeHash: string;
  clientId: string;
  redirectUri: string;
  /** Of the verifier that came along; null when none came, which is right only where no challenge was given. */
  codeChallenge: string | null;
  tokenHash: string;
  tokenExpiresAt: Date;
  at: Date;
}

/** What a redeemed code stood for. */
export interface Redeemed {
  sessionId: string;
  scope: string;
}

/** The collection `oauth_sessions`. Every change of state is one conditional write to one session. */
export interface OAuthSessionStore {
  create(session: OAuthSession, forgetAt: Date): Promise<void>;
  find(sessionId: string): Promise<OAuthSession | null>;
  findByNonce(nonceHash: string): Promise<OAuthSession | null>;
  findByVerification(verificationId: string): Promise<OAuthSession | null>;
  findByCode(codeHash: string): Promise<OAuthSession | null>;
  findByToken(tokenHash: string): Promise<OAuthSession | null>;
  /**
   * Gives a pending session to one browser; false when another has it, or its time is over. A browser that got it and
   * came to nothing by `staleBefore` has lost it.
   */
  reserve(sessionId: string, opening: { browserHash: string; at: Date }, staleBefore: Date): Promise<boolean>;
  /** Gives the session back. */
  release(sessionId: string, browserHash: string): Promise<void>;
  /** pending -> authorized, by the browser that has it; false when it has lost it. */
  authorize(sessionId: string, browserHash: string, opened: Opened): Promise<boolean>;
  /** authorized -> verified | failed, and with it the code becomes valid; false when it was closed before, or too late. */
  close(sessionId: string, closing: Closing): Promise<boolean>;
  /** authorized -> expired; false when it was closed before. */
  expire(sessionId: string, ending: { at: Date; tellAt: Date | null; forgetAt: Date }): Promise<boolean>;
  /** verified | failed -> completed: consumes a code for a token; null when anything of it does not fit. One caller gets it. */
  redeem(redemption: Redemption): Promise<Redeemed | null>;
  /** Takes back the token of a session; the first time stays. */
  revokeToken(sessionId: string, now: Date): Promise<void>;
  /** Authorized sessions to ask the verifier about, the longest waiting first. */
  dueForCheck(now: Date, limit: number): Promise<string[]>;
  /** Sets when to ask again, while the session is authorized. */
  checkAgain(sessionId: string, checkAt: Date): Promise<void>;
  /** Sessions whose client is to be told, the longest waiting first. */
  dueForTelling(now: Date, limit: number): Promise<string[]>;
  /** How often telling was tried; null when there is nothing to tell. */
  tellingOf(sessionId: string): Promise<{ attempts: number; tellAt: Date } | null>;
  /** Notes a try: done for good when `tellAt` is null. */
  noteTelling(sessionId: string, attempts: number, tellAt: Date | null): Promise<void>;
}

/** What a browser's opening of a session gave. */
export interface Opened {
  request: AuthorizationRequest;
  verificationId: string;
  deepLink: string;
  promisedCodeHash: string;
  expiresAt: Date;
  checkAt: Date;
  forgetAt: Date;
}

/** How a session closes. */
export interface Closing {
  verdict: Verdict;
  /** Null when the client gets no code for this. */
  code: { hash: string; expiresAt: Date } | null;
  at: Date;
  tellAt: Date | null;
  forgetAt: Date;
}

/** Opens the collection of sessions. */
export function openOAuthSessionStore(mongo: Mongo): OAuthSessionStore {
  const model = mongo.model<Stored>("OAuthSession", schema);
  // By the driver itself: values and names are ours, so casting them once more only costs time.
  const sessions = () => rawCollection<Stored>(mongo, model.collection.name);
  const one = async (filter: Partial<Stored>) => {
    const found = await model.findOne(filter).lean();
    return found === null ? null : sessionOf(found);
  };
  return {
    async create({ sessionId, ...session }, forgetAt) {
      await model.create({ _id: sessionId, ...session, forgetAt });
    },
    find: (sessionId) => one({ _id: sessionId }),
    findByNonce: (nonceHash) => one({ nonceHash }),
    findByVerification: (verificationId) => one({ verificationId }),
    findByCode: (codeHash) => one({ codeHash }),
    findByToken: (tokenHash) => one({ tokenHash }),
    async reserve(sessionId, opening, staleBefore) {
      const open = { _id: sessionId, status: "pending" as const, expiresAt: { $gt: opening.at } };
      const free = { $or: [{ opening: null }, { "opening.at": { $lte: staleBefore } }] };
      return (await model.updateOne({ ...open, ...free }, { $set: { opening } })).modifiedCount === 1;
    },
    async release(sessionId, browserHash) {
      const held = { _id: sessionId, status: "pending" as const, "opening.browserHash": browserHash };
      await model.updateOne(held, { $set: { opening: null } });
    },
    async authorize(sessionId, browserHash, opened) {
      const held = { _id: sessionId, status: "pending" as const, "opening.browserHash": browserHash };
      return (await model.updateOne(held, { $set: { ...opened, status: "authorized" } })).modifiedCount === 1;
    },
    async close(sessionId, { verdict, code, at, tellAt, forgetAt }) {
      const closed = {
        ...{ status: verdict.result, verdict, closedAt: at, forgetAt },
        ...(code !== null && { codeHash: code.hash, codeExpiresAt: code.expiresAt }),
        ...(tellAt !== null && { tellAt, tellAttempts: 0 }),
      };
      const open = { _id: sessionId, status: "authorized" as const, expiresAt: { $gt: at } };
      return (await model.updateOne(open, { $set: closed, $unset: { checkAt: 1 } })).modifiedCount === 1;
    },
    async expire(sessionId, { at, tellAt, forgetAt }) {
      const ended = {
        status: "expired" as const,
        closedAt: at,
        forgetAt,
        ...(tellAt !== null && { tellAt, tellAttempts: 0 }),
      };
      const open = { _id: sessionId, status: "authorized" as const };
      return (await model.updateOne(open, { $set: ended, $unset: { checkAt: 1 } })).modifiedCount === 1;
    },
    redeem: createBatch({
      run: (redemptions) => redeemAll(sessions(), redemptions),
      maxSize: MAX_REDEMPTIONS,
      waitFor: "running",
    }),
    async revokeToken(sessionId, now) {
      await model.updateOne({ _id: sessionId, tokenRevokedAt: null }, { $set: { tokenRevokedAt: now } });
    },
    async dueForCheck(now, limit) {
      const due = { status: "authorized" as const, checkAt: { $lte: now } };
      return (await model.find(due, { _id: 1 }).sort({ checkAt: 1 }).limit(limit).lean()).map(({ _id }) => _id);
    },
    async checkAgain(sessionId, checkAt) {
      await model.updateOne({ _id: sessionId, status: "authorized" }, { $set: { checkAt } });
    },
    async dueForTelling(now, limit) {
      const due = { tellAt: { $lte: now } };
      return (await model.find(due, { _id: 1 }).sort({ tellAt: 1 }).limit(limit).lean()).map(({ _id }) => _id);
    },
    async tellingOf(sessionId) {
      const found = await model.findById(sessionId, { tellAt: 1, tellAttempts: 1 }).lean();
      return found?.tellAt === undefined ? null : { attempts: found.tellAttempts ?? 0, tellAt: found.tellAt };
    },
    async noteTelling(sessionId, attempts, tellAt) {
      const noted =
        tellAt === null
          ? { $set: { tellAttempts: attempts }, $unset: { tellAt: 1 } }
          : { $set: { tellAttempts: attempts, tellAt } };
      await model.updateOne({ _id: sessionId, tellAt: { $exists: true } }, noted);
    },
  };
}

/** Most codes redeemed in one exchange. */
const MAX_REDEMPTIONS = 64;

/**
 * Redeems codes, each by one conditional write to its own session. Alone, that write tells its outcome; several travel in
 * one exchange, and which of them won is read by the tokens they left.
 */
async function redeemAll(sessions: mongo.Collection<Stored>, redemptions: Redemption[]): Promise<(Redeemed | null)[]> {
  const writes = redemptions.map(
    ({ codeHash, clientId, redirectUri, codeChallenge, tokenHash, tokenExpiresAt, at }) => ({
      filter: {
        ...{ codeHash, clientId, consumedAt: null, codeExpiresAt: { $gt: at } },
        ...{ "request.redirectUri": redirectUri, "request.codeChallenge": codeChallenge },
      },
      update: { $set: { status: "completed" as const, consumedAt: at, tokenHash, tokenExpiresAt } },
    }),
  );
  const [only] = writes;
  const projection = { tokenHash: 1, "request.scope": 1 };
  const redeemedOf = ({ _id, request }: Pick<Stored, "_id" | "request">) => ({
    sessionId: _id,
    scope: request?.scope ?? "",
  });
  if (only !== undefined && writes.length === 1) {
    const redeemed = await sessions.findOneAndUpdate(only.filter, only.update, { projection });
    return [redeemed === null ? null : redeemedOf(redeemed)];
  }
  await sessions.bulkWrite(
    writes.map((updateOne) => ({ updateOne })),
    { ordered: false },
  );
  // IXSCAN tokenHash_1
  const winners = await sessions
    .find({ tokenHash: { $in: redemptions.map(({ tokenHash }) => tokenHash) } }, { projection })
    .toArray();
  const byToken = new Map(winners.map((session) => [session.tokenHash, redeemedOf(session)]));
  return redemptions.map(({ tokenHash }) => byToken.get(tokenHash) ?? null);
}

function sessionOf(stored: Stored): OAuthSession {
  const { _id, checkAt: _checkAt, tellAt: _tellAt, tellAttempts: _attempts, forgetAt: _forgetAt, ...session } = stored;
  return { sessionId: _id, ...session };
}
