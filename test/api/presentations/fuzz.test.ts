import { expect } from "chai";
import { issuerKeyOf, readIssuerChain } from "../../../api/presentations/certificates/issuerChain";
import { dcqlQuery } from "../../../api/presentations/dcql/query";
import { generateEncryptionKey } from "../../../api/presentations/responses/encryption";
import { PresentationRejection } from "../../../api/presentations/rejection";
import { submitResponse, type SubmitDeps } from "../../../api/presentations/responses/actions";
import type { PresentationRequest, Verdict } from "../../../api/presentations/rules";
import { createLogger } from "../../../core/logger";
import { encoded, type Party, party } from "../../support/presentations/certificates";
import { didJwkOf, jwtVcQuery, presentJwtVc } from "../../support/presentations/jwtVcWallet";
import { type Draw, drawFrom, mutate } from "../../support/presentations/mutate";
import { type RelyingParty, relyingParty } from "../../support/presentations/relyingParty";
import { IDENTITY_QUERY, joseKeyOf } from "../../support/presentations/trustedIssuer";
import { AUDIENCE, issue, joseKey, NONCE, present, signJws } from "../../support/presentations/sdJwtWallet";
import { encrypt, post, type ReadRequest } from "../../support/presentations/wallet";

/** Mutations in all: 100,000 take some minutes. */
const RUNS = Number(process.env["PRESENTATION_FUZZ_RUNS"] ?? 2_000);
const SEED = Number(process.env["PRESENTATION_FUZZ_SEED"] ?? 14);
const NOW = new Date("2026-05-01T12:00:00Z");

/** Responses that would be accepted, but for the mutation. */
interface Target {
  name: string;
  request: PresentationRequest;
  /** The form's parameters, unchanged. */
  whole(): Promise<Record<string, string>>;
  /** The same with one mutation. */
  mutated(draw: Draw): Promise<Record<string, string>>;
}

describe("a mutated response", () => {
  let issuer: Party;
  let targets: Target[];
  const logger = createLogger({ processName: "api", logLevel: "silent" });
  before(async () => {
    issuer = await party("Issuer", { authority: false, host: "issuer.example" });
    targets = await targetsOf(issuer);
  });

  it("is accepted before it is mutated", async () => {
    for (const target of targets) expect(await submitted(target, await target.whole()), target.name).to.equal("valid");
  });

  it(`of ${RUNS} is never accepted, and never an error of ours (PRESENTATION_FUZZ_RUNS, PRESENTATION_FUZZ_SEED)`, async function () {
    this.timeout(60_000 + RUNS * 20);
    const draw = drawFrom(SEED);
    for (let run = 0; run < RUNS; run += 1) {
      const target = targets[run % targets.length]!;
      const parameters = await target.mutated(draw);
      const outcome = await submitted(target, parameters).catch((error: unknown) => error);
      // Nobody but the holder closes a request, so a mutation leaves it open.
      if (!(outcome instanceof PresentationRejection && outcome.effect === "unproven")) {
        throw new Error(`run ${run} of seed ${SEED}, ${target.name}: ${JSON.stringify(parameters)}`, {
          cause: outcome,
        });
      }
    }
  });

  /** The verdict with which the real actions close the request. */
  async function submitted({ request }: Target, parameters: Record<string, string>): Promise<Verdict["result"]> {
    const verdicts: Verdict[] = [];
    const deps: SubmitDeps = {
      clock: { now: () => NOW },
      blindIndex: () => Promise.resolve("code"),
      presentations: {
        find: (requestId) => Promise.resolve(requestId === request.requestId ? request : null),
        countAttempt: () => Promise.resolve(1),
        close(_requestId, { verdict }) {
          verdicts.push(verdict);
          return Promise.resolve(true);
        },
      },
      issuerKey: (iss, header) =>
        Promise.resolve().then(() => issuerKeyOf(readIssuerChain(header["x5c"] ?? [], [issuer.certificate]), iss, NOW)),
      controllerOf: () => Promise.resolve(null),
      requireUnrevoked: () => Promise.resolve(),
      announceLater: () => undefined,
    };
    await submitResponse(deps, { parameters, body: Buffer.from(new URLSearchParams(parameters).toString()), logger });
    const [verdict] = verdicts;
    if (verdict === undefined) throw new Error("the request was not closed, and nothing was rejected");
    return verdict.result;
  }
});

describe("a mutated response over HTTP", () => {
  let relying: RelyingParty;
  before(async () => void (relying = await relyingParty("presentation-fuzz")));
  after(() => relying.close());

  it("has 400 for its answer, or none of its claims in the result", async () => {
    const draw = drawFrom(SEED);
    for (let round = 0; round < 10; round += 1) {
      const responseMode = round % 2 === 0 ? "direct_post" : "direct_post.jwt";
      const { request, transactionId } = await relying.ask({ responseMode });
      const { claims } = request;
      const token = relying.token(request);
      for (let attempt = 0; attempt < 9; attempt += 1) {
        const form: Record<string, string> =
          responseMode === "direct_post"
            ? { vp_token: mutate(JSON.stringify(token), draw), state: claims.state }
            : { response: mutate(await encrypt(claims, { vp_token: token, state: claims.state }), draw) };
        const answer = await post(claims.response_uri, form);
        expect(answer.status, `${answer.text} ${JSON.stringify(form)}`).to.be.oneOf([200, 400]);
        const { status, body } = await relying.result(transactionId);
        if (status === 200) expect(body).to.include({ result: "invalid" });
      }
    }
  });
});

async function targetsOf(issuer: Party): Promise<Target[]> {
  const signer = joseKeyOf(issuer);
  const issued = await issue({ issuer: signer, header: { x5c: [encoded(issuer)] } });
  const key = await generateEncryptionKey("encrypted");
  const plain = requestOf({ requestId: "plain", query: dcqlQuery.parse(IDENTITY_QUERY) });
  const jwtVc = requestOf({ requestId: "jwt-vc", query: dcqlQuery.parse(jwtVcQuery("EmployeeCredential")) });
  const encrypted = requestOf({
    requestId: "encrypted",
    query: plain.query,
    responseMode: "direct_post.jwt",
    encryptionKey: key,
  });

  const holder = joseKey();
  const did = didJwkOf(holder);
  const vc = { type: ["VerifiableCredential", "EmployeeCredential"], credentialSubject: { id: did } };
  const header = { alg: "ES256", typ: "JWT", x5c: [encoded(issuer)] };
  const credential = signJws(signer, header, { iss: "https://issuer.example", sub: did, vc });
  const request = { claims: { client_id: AUDIENCE, nonce: NONCE } } as ReadRequest;
  const presentation = { did, key: holder, kid: `${did}#0`, now: NOW };

  const sdJwt = present(issued, NOW);
  const [vp = ""] = presentJwtVc(credential, request, presentation).credential;
  const metadata = { jwks: { keys: [key.publicJwk] }, encrypted_response_enc_values_supported: ["A128GCM"] };
  const jwe = (vpToken: unknown) =>
    encrypt({ client_metadata: metadata } as unknown as ReadRequest["claims"], {
      vp_token: vpToken,
      state: "encrypted",
    });
  const form = (vpToken: string, state: string) => Promise.resolve({ vp_token: vpToken, state });
  const identity = (one: string) => JSON.stringify({ identity: [one] });
  return [
    {
      name: "an SD-JWT",
      request: plain,
      whole: () => form(identity(sdJwt), "plain"),
      mutated: (draw) => form(identity(mutate(sdJwt, draw)), "plain"),
    },
    {
      name: "a vp_token",
      request: plain,
      whole: () => form(identity(sdJwt), "plain"),
      mutated: (draw) => form(mutate(identity(sdJwt), draw), "plain"),
    },
    {
      name: "a VP as JWT",
      request: jwtVc,
      whole: () => form(JSON.stringify({ credential: [vp] }), "jwt-vc"),
      mutated: (draw) => form(JSON.stringify({ credential: [mutate(vp, draw)] }), "jwt-vc"),
    },
    {
      name: "a JWE",
      request: encrypted,
      whole: async () => ({ response: await jwe({ identity: [sdJwt] }) }),
      mutated: async (draw) => ({ response: mutate(await jwe({ identity: [sdJwt] }), draw) }),
    },
    {
      name: "an SD-JWT in a JWE",
      request: encrypted,
      whole: async () => ({ response: await jwe({ identity: [sdJwt] }) }),
      mutated: async (draw) => ({ response: await jwe({ identity: [mutate(sdJwt, draw)] }) }),
    },
  ];
}

function requestOf(
  own: Pick<PresentationRequest, "requestId" | "query"> & Partial<PresentationRequest>,
): PresentationRequest {
  return {
    transactionHash: "",
    verifierId: "verifier",
    acceptedIssuers: [],
    flow: "cross_device",
    browserHash: null,
    redirectUri: null,
    clientId: AUDIENCE,
    responseMode: "direct_post",
    nonce: NONCE,
    encryptionKey: null,
    status: "ACTIVE",
    createdAt: NOW,
    expiresAt: new Date(NOW.getTime() + 300_000),
    attempts: 0,
    submissionHash: null,
    responseCodeHash: null,
    responseCodeUsedAt: null,
    verdict: null,
    credentials: null,
    takenAt: null,
    isAnnounced: false,
    announcementPendingSince: null,
    purgeAt: new Date(NOW.getTime() + 600_000),
    ...own,
  };
}
