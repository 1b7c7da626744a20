import { type mongo, type QueryFilter, Schema } from "mongoose";
import { createBatch } from "../../core/batch";
import { decryptOptional, type EncryptedFields, type FieldCipher } from "../../core/keys/fieldCipher";
import { type Mongo, rawCollection } from "../../core/mongo";
import type { AuthorizationRequest, OAuthSession, SessionClaim, VerificationResult } from "./rules";

type Stored = Omit<OAuthSession, "sessionId" | "result"> & {
  _id: string;
  /** Encrypted JSON: it holds a person's claims. */
  result: string | null;
  /** When to poll the verifier without a notification; absent when there is nothing to poll for. */
  pollAt?: Date;
  /** Since when the client's webhook waits to be handed over for delivery; absent when none waits. */
  deliveryPendingSince?: Date;
  /** When the database removes the session. */
  purgeAt: Date;
};

/** What of a session is encrypted. */
export const ENCRYPTED_OAUTH_FIELDS = {
  collection: "oauth_sessions",
  fields: ["result"],
} as const satisfies EncryptedFields;

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
    handleHash: { type: String, required: true },
    status: { type: String, required: true },
    createdAt: { type: Date, required: true },
    expiresAt: { type: Date, required: true },
    pushedRequest: { type: request, default: null },
    claim: { type: new Schema<SessionClaim>({ browserHash: String, claimedAt: Date }, { _id: false }), default: null },
    request: { type: request, default: null },
    verificationId: String,
    deepLink: { type: String, default: null },
    pendingCodeHash: { type: String, default: null },
    result: { type: String, default: null },
    closedAt: { type: Date, default: null },
    codeHash: String,
    codeExpiresAt: { type: Date, default: null },
    consumedAt: { type: Date, default: null },
    tokenHash: String,
    tokenExpiresAt: { type: Date, default: null },
    tokenRevokedAt: { type: Date, default: null },
    pollAt: Date,
    deliveryPendingSince: Date,
    purgeAt: { type: Date, required: true },
  },
  { collection: "oauth_sessions", versionKey: false },
);
schema.index({ handleHash: 1 }, { unique: true });
schema.index({ verificationId: 1 }, { unique: true, sparse: true });
schema.index({ codeHash: 1 }, { unique: true, sparse: true });
schema.index({ tokenHash: 1 }, { unique: true, sparse: true });
schema.index({ pollAt: 1 }, { sparse: true });
schema.index({ deliveryPendingSince: 1 }, { sparse: true });
schema.index({ purgeAt: 1 }, { expireAfterSeconds: 0 });

/** What must hold of a code for it to be consumed, and the token it is consumed for. */
export interface CodeConsumption {
  codeHash: string;
  clientId: string;
  redirectUri: string;
  /** Of the code verifier that was presented; null when none was, which fits only a request without a challenge. */
  codeChallenge: string | null;
  tokenHash: string;
  tokenExpiresAt: Date;
  at: Date;
}

/** What a consumed code grants. */
export interface Grant {
  sessionId: string;
  scope: string;
}

/** What authorizing a session adds to it. */
export interface StartedVerification {
  request: AuthorizationRequest;
  verificationId: string;
  deepLink: string;
  pendingCodeHash: string;
  expiresAt: Date;
  pollAt: Date;
  purgeAt: Date;
}

/** An authorization code (RFC 6749 §1.3.1) as it is stored. */
export interface AuthorizationCode {
  hash: string;
  expiresAt: Date;
}

/** How a session closes. */
export interface Closing {
  result: VerificationResult;
  /** Null when the client gets no code for this result. */
  code: AuthorizationCode | null;
  at: Date;
  /** Whether the client gets a webhook: the same write marks it as pending. */
  wantsWebhook: boolean;
  purgeAt: Date;
}

/** The collection `oauth_sessions`. Every change of state is one conditional write to one session. */
export interface OAuthSessionStore {
  create(session: OAuthSession, purgeAt: Date): Promise<void>;
  find(sessionId: string): Promise<OAuthSession | null>;
  findByHandle(handleHash: string): Promise<OAuthSession | null>;
  findByVerification(verificationId: string): Promise<OAuthSession | null>;
  findByCode(codeHash: string): Promise<OAuthSession | null>;
  findByToken(tokenHash: string): Promise<OAuthSession | null>;
  /**
   * Claims a pending session for one browser; false when another browser holds it, or it has expired. A claim made
   * before `staleBefore` that led to no verification no longer counts.
   */
  claim(sessionId: string, claim: SessionClaim, staleBefore: Date): Promise<boolean>;
  /** Gives the claim up, so that another browser may have the session. */
  releaseClaim(sessionId: string, browserHash: string): Promise<void>;
  /** pending -> authorized, for the browser that holds the claim; false when it has lost it. */
  authorize(sessionId: string, browserHash: string, started: StartedVerification): Promise<boolean>;
  /** authorized -> verified | failed; the same write makes the code valid. False when the session was closed before, or has expired. */
  close(sessionId: string, closing: Closing): Promise<boolean>;
  /** authorized -> expired; false when the session was closed before. */
  expire(sessionId: string, ending: Pick<Closing, "at" | "wantsWebhook" | "purgeAt">): Promise<boolean>;
  /** verified | failed -> completed: consumes a code for a token; null when any condition fails. One caller wins. */
  consumeCode(consumption: CodeConsumption): Promise<Grant | null>;
  /** Revokes the token of a session; the first time stays. */
  revokeToken(sessionId: string, now: Date): Promise<void>;
  /** Authorized sessions whose verifier is to be polled, the longest waiting first. */
  dueForPoll(now: Date, limit: number): Promise<string[]>;
  /** Sets when to poll the verifier next, while the session is authorized. */
  schedulePoll(sessionId: string, pollAt: Date): Promise<void>;
  /** A session whose webhook waits to be handed over; null when none waits. */
  findPendingDelivery(sessionId: string): Promise<OAuthSession | null>;
  /** Sessions whose webhook has waited to be handed over since `before`, the longest waiting first. */
  pendingDeliveries(before: Date, limit: number): Promise<string[]>;
  /** Records that the webhook was handed over. */
  markHandedOver(sessionId: string): Promise<void>;
}

/** Most codes consumed in one exchange with the database. */
const MAX_BATCH = 64;

/** The OAuth sessions of a database. */
export function createOAuthSessionStore(deps: { mongo: Mongo; fields: FieldCipher }): OAuthSessionStore {
  const { mongo, fields } = deps;
  const model = mongo.model<Stored>("OAuthSession", schema);
  // The driver itself: values and names are ours, and casting them costs time.
  const sessions = () => rawCollection<Stored>(mongo, model.collection.name);
  const findOne = async (filter: QueryFilter<Stored>) => {
    const found = await model.findOne(filter).lean();
    return found === null ? null : sessionOf(fields, found);
  };
  const update = async (filter: QueryFilter<Stored>, change: mongo.UpdateFilter<Stored>) =>
    (await model.updateOne(filter, change)).modifiedCount === 1;
  return {
    async create({ sessionId, result, ...session }, purgeAt) {
      const encrypted = result && (await encryptResult(fields, sessionId, result));
      await model.create({ ...session, result: encrypted, _id: sessionId, purgeAt });
    },
    find: (sessionId) => findOne({ _id: sessionId }),
    findByHandle: (handleHash) => findOne({ handleHash }),
    findByVerification: (verificationId) => findOne({ verificationId }),
    findByCode: (codeHash) => findOne({ codeHash }),
    findByToken: (tokenHash) => findOne({ tokenHash }),
    claim: (sessionId, claim, staleBefore) =>
      update(
        {
          _id: sessionId,
          status: "pending",
          expiresAt: { $gt: claim.claimedAt },
          $or: [{ claim: null }, { "claim.claimedAt": { $lte: staleBefore } }],
        },
        { $set: { claim } },
      ),
    async releaseClaim(sessionId, browserHash) {
      await update(claimedBy(sessionId, browserHash), { $set: { claim: null } });
    },
    authorize: (sessionId, browserHash, started) =>
      update(claimedBy(sessionId, browserHash), { $set: { ...started, status: "authorized" } }),
    async close(sessionId, closing) {
      const result = await encryptResult(fields, sessionId, closing.result);
      const open = { _id: sessionId, status: "authorized" as const, expiresAt: { $gt: closing.at } };
      return update(open, closingUpdate(closing, result));
    },
    expire: (sessionId, { at, wantsWebhook, purgeAt }) =>
      update(
        { _id: sessionId, status: "authorized" },
        {
          $set: { status: "expired", closedAt: at, purgeAt, ...(wantsWebhook && { deliveryPendingSince: at }) },
          $unset: { pollAt: 1 },
        },
      ),
    consumeCode: createBatch({
      run: (consumptions) => consumeCodes(sessions(), consumptions),
      maxSize: MAX_BATCH,
      waitFor: "running",
    }),
    async revokeToken(sessionId, now) {
      await update({ _id: sessionId, tokenRevokedAt: null }, { $set: { tokenRevokedAt: now } });
    },
    async dueForPoll(now, limit) {
      const due = { status: "authorized" as const, pollAt: { $lte: now } };
      return (await model.find(due, { _id: 1 }).sort({ pollAt: 1 }).limit(limit).lean()).map(({ _id }) => _id);
    },
    async schedulePoll(sessionId, pollAt) {
      await update({ _id: sessionId, status: "authorized" }, { $set: { pollAt } });
    },
    findPendingDelivery: (sessionId) => findOne({ _id: sessionId, deliveryPendingSince: { $exists: true } }),
    async pendingDeliveries(before, limit) {
      const pending = { deliveryPendingSince: { $lte: before } };
      const found = model.find(pending, { _id: 1 }).sort({ deliveryPendingSince: 1 }).limit(limit);
      return (await found.lean()).map(({ _id }) => _id);
    },
    async markHandedOver(sessionId) {
      await update({ _id: sessionId }, { $unset: { deliveryPendingSince: 1 } });
    },
  };
}

function closingUpdate(
  { result, code, at, wantsWebhook, purgeAt }: Closing,
  encryptedResult: string,
): mongo.UpdateFilter<Stored> {
  return {
    $set: {
      status: result.status,
      result: encryptedResult,
      closedAt: at,
      purgeAt,
      ...(code !== null && { codeHash: code.hash, codeExpiresAt: code.expiresAt }),
      ...(wantsWebhook && { deliveryPendingSince: at }),
    },
    $unset: { pollAt: 1 },
  };
}

function claimedBy(sessionId: string, browserHash: string): QueryFilter<Stored> {
  return { _id: sessionId, status: "pending", "claim.browserHash": browserHash };
}

/**
 * Consumes codes, each by one conditional write to its own session. A single write returns its outcome; several travel
 * in one exchange, and which of them won is read by the tokens they left.
 */
async function consumeCodes(
  sessions: mongo.Collection<Stored>,
  consumptions: CodeConsumption[],
): Promise<(Grant | null)[]> {
  const writes = consumptions.map((consumption) => ({
    filter: {
      codeHash: consumption.codeHash,
      clientId: consumption.clientId,
      consumedAt: null,
      codeExpiresAt: { $gt: consumption.at },
      "request.redirectUri": consumption.redirectUri,
      "request.codeChallenge": consumption.codeChallenge,
    },
    update: {
      $set: {
        status: "completed" as const,
        consumedAt: consumption.at,
        tokenHash: consumption.tokenHash,
        tokenExpiresAt: consumption.tokenExpiresAt,
      },
    },
  }));
  const projection = { tokenHash: 1, "request.scope": 1 };
  const [only] = writes;
  if (only !== undefined && writes.length === 1) {
    const consumed = await sessions.findOneAndUpdate(only.filter, only.update, { projection });
    return [consumed === null ? null : grantOf(consumed)];
  }
  await sessions.bulkWrite(
    writes.map((updateOne) => ({ updateOne })),
    { ordered: false },
  );
  // IXSCAN tokenHash_1
  const winners = await sessions
    .find({ tokenHash: { $in: consumptions.map(({ tokenHash }) => tokenHash) } }, { projection })
    .toArray();
  const byToken = new Map(winners.map((session) => [session.tokenHash, grantOf(session)]));
  return consumptions.map(({ tokenHash }) => byToken.get(tokenHash) ?? null);
}

function grantOf({ _id, request }: Pick<Stored, "_id" | "request">): Grant {
  return { sessionId: _id, scope: request?.scope ?? "" };
}

async function sessionOf(fields: FieldCipher, stored: Stored): Promise<OAuthSession> {
  const { _id, result, pollAt: _pollAt, deliveryPendingSince: _pendingSince, purgeAt: _purgeAt, ...session } = stored;
  const json = await decryptOptional(fields, resultPlace(_id), result);
  return { sessionId: _id, ...session, result: json === null ? null : (JSON.parse(json) as VerificationResult) };
}

function encryptResult(fields: FieldCipher, sessionId: string, result: VerificationResult): Promise<string> {
  return fields.encrypt(resultPlace(sessionId), JSON.stringify(result));
}

function resultPlace(id: string) {
  return { collection: ENCRYPTED_OAUTH_FIELDS.collection, field: "result", id };
}
