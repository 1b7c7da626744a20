import { expect } from "chai";
import { createHash } from "node:crypto";
import { registerClient } from "../../../../api/oauth/clients/actions";
import { createCredentialsSealer } from "../../../../api/oauth/clients/sealer";
import { createClientStore } from "../../../../api/oauth/clients/store";
import { combineQueries } from "../../../../api/oauth/clients/rules";
import { queryProblems } from "../../../../api/presentations/dcql/query";
import { newVerifier } from "../../../support/credentialActors";
import { eventually } from "../../../support/eventually";
import { movableClock } from "../../../support/fakeClock";
import { fixture, type Fixture, type ModuleName } from "../../../support/fixture";
import { OAUTH_MODULES, type OAuthActors, REDIRECT_URI, startOAuthActors } from "../../../support/oauthActors";
import {
  finishUrl,
  information,
  readAnswer,
  redeem,
  startVerification,
  type StartedVerification,
  untilStatus,
} from "../../../support/oauthBrowser";
import { createTrustedWallet, type TrustedWallet } from "../../../support/presentations/trustedWallet";
import { IDENTITY_QUERY } from "../../../support/presentations/trustedIssuer";
import { startChild } from "../../../support/startChild";

const MODULES: ModuleName[] = [...OAUTH_MODULES, "presentations", "verification"];
const SCOPE = { name: "age", description: "your name and age", dcql: IDENTITY_QUERY };
const CLAIMS = { given_name: "Ada", age: 36 };
const CODE_VERIFIER = "a".repeat(43);
const PKCE = {
  code_challenge: createHash("sha256").update(CODE_VERIFIER).digest("base64url"),
  code_challenge_method: "S256",
};

describe("the OAuth gateway with this installation's own verifier", () => {
  const clock = movableClock();
  let wallet: TrustedWallet;

  before(async () => {
    wallet = await createTrustedWallet(clock);
  });
  after(() => wallet.close());

  async function withGateway(
    act: (cairn: Fixture, oauth: OAuthActors) => Promise<void>,
    { workers }: { workers: boolean },
  ): Promise<void> {
    const config = { presentations: { trustAnchorsFile: wallet.anchorsFile } };
    const cairn = await fixture("oauth_own_verifier", { modules: MODULES, config, workers, clock });
    const oauth = await startOAuthActors(cairn, { client: { verifierUrl: undefined, scopes: [SCOPE] } });
    try {
      await act(cairn, oauth);
    } finally {
      await oauth.close();
      await cairn.close();
    }
  }

  async function linkOf(oauth: OAuthActors, { verificationId }: StartedVerification): Promise<string> {
    return (await oauth.sessions.findByVerification(verificationId))?.deepLink ?? "";
  }

  /** How many messages about a verification the inbox holds. */
  function stored(cairn: Fixture, { verificationId }: StartedVerification): Promise<number> {
    return cairn.context.mongo.collection("webhook_inbox").countDocuments({ "facts.verificationId": verificationId });
  }

  async function expectOneCode(oauth: OAuthActors, started: StartedVerification): Promise<void> {
    const code = (await finishUrl(started)).searchParams.get("code") ?? "";
    const token = await redeem(oauth, code);
    expect(token.status, token.text).to.equal(200);
    const { json } = await information(oauth, String(token.json["access_token"]));
    expect(json).to.deep.include({ claims: CLAIMS });
    expect((await redeem(oauth, code)).json).to.include({ error: "invalid_grant" });
  }

  describe("over HTTP", () => {
    let cairn: Fixture;
    let oauth: OAuthActors;

    before(async () => {
      const config = { presentations: { trustAnchorsFile: wallet.anchorsFile } };
      cairn = await fixture("oauth_own_http", { modules: MODULES, config, workers: true, clock });
      oauth = await startOAuthActors(cairn, { client: { verifierUrl: undefined, scopes: [SCOPE] } });
    });
    after(async () => {
      await oauth.close();
      await cairn.close();
    });

    it("gives code, token and claims for what a wallet presents, and asks no verifier elsewhere", async () => {
      const started = await startVerification(oauth, PKCE);
      expect((await wallet.answer(await linkOf(oauth, started))).status).to.equal(200);
      await untilStatus(started, "verified");
      const back = await finishUrl(started);
      expect(back.origin + back.pathname).to.equal(REDIRECT_URI);
      expect(Object.fromEntries(back.searchParams)).to.include({ state: "af0ifjsldkj", iss: oauth.url });
      const code = back.searchParams.get("code") ?? "";
      expect((await redeem(oauth, code, { code_verifier: "b".repeat(43) })).json).to.include({
        error: "invalid_grant",
      });
      const token = await redeem(oauth, code, { code_verifier: CODE_VERIFIER });
      const { json } = await information(oauth, String(token.json["access_token"]));
      expect(json).to.deep.include({ status: "verified", claims: CLAIMS });
      expect(oauth.verifier.verifications.all()).to.deep.equal([]);
    });

    it("sends the client access_denied when the holder declines, and gives no code", async () => {
      const started = await startVerification(oauth);
      expect((await wallet.decline(await linkOf(oauth, started))).status).to.equal(200);
      await untilStatus(started, "failed");
      const back = (await finishUrl(started)).searchParams;
      expect([back.get("error"), back.get("code")]).to.deep.equal(["access_denied", null]);
    });

    it("rejects a credential of an issuer that the client does not accept", async () => {
      const client = await oauth.addClient({
        verifierUrl: undefined,
        scopes: [SCOPE],
        acceptedIssuers: ["did:example:another"],
        failuresAsCode: true,
      });
      const started = await startVerification(oauth, {}, client);
      await wallet.answer(await linkOf(oauth, started));
      await untilStatus(started, "failed");
      const code = (await finishUrl(started)).searchParams.get("code") ?? "";
      const token = await redeem(oauth, code, {}, client);
      const { json } = await information(oauth, String(token.json["access_token"]));
      expect(json).to.include({ error_code: "issuer_not_trusted" });
    });

    it("stores one answer of 64 wallets at once, and closes the session once", async () => {
      const started = await startVerification(oauth);
      const link = await linkOf(oauth, started);
      const wallets = await Promise.all(Array.from({ length: 64 }, () => wallet.prepare(link)));
      const answers = await Promise.all(wallets.map((submitPrepared) => submitPrepared()));
      expect(answers.filter(({ status }) => status === 200)).to.have.length(1);
      await untilStatus(started, "verified");
      await expectOneCode(oauth, started);
      expect(await stored(cairn, started)).to.equal(1);
    });

    it("lets nobody read the verification with a verifier's key, nor notify about it", async () => {
      const started = await startVerification(oauth);
      const { apiKey } = await newVerifier(cairn);
      const path = `/management/api/verifications/${started.verificationId}`;
      expect((await cairn.ask("GET", path, { token: apiKey })).status).to.equal(404);
      const notified = await fetch(`${oauth.url}/notification`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ verification_id: started.verificationId, timestamp: "now" }),
      });
      expect(notified.status).to.equal(200);
      expect(await stored(cairn, started)).to.equal(0);
      await wallet.answer(await linkOf(oauth, started));
      await untilStatus(started, "verified");
      expect(await stored(cairn, started)).to.equal(1);
    });

    it("releases the claims once the session holds them", async () => {
      const started = await startVerification(oauth);
      await wallet.answer(await linkOf(oauth, started));
      await untilStatus(started, "verified");
      const requests = cairn.context.mongo.collection<{ _id: string; takenAt: Date | null }>("presentations");
      await eventually("the release", async () => {
        return (await requests.findOne({ _id: started.verificationId }))?.takenAt instanceof Date;
      });
    });

    it("expires with its session when no wallet answers", async () => {
      const started = await startVerification(oauth);
      clock.moveSeconds(15 * 60 + 1);
      await untilStatus(started, "expired");
      expect((await readAnswer(await fetch(await requestUriOf(oauth, started)))).status).to.equal(410);
    });
  });

  async function requestUriOf(oauth: OAuthActors, started: StartedVerification): Promise<string> {
    return new URL(await linkOf(oauth, started)).searchParams.get("request_uri") ?? "";
  }

  for (const dieAt of ["began", "session read", "verifier read", "session closed"]) {
    it(`gives one code when the worker is killed at "${dieAt}"`, async () => {
      await withGateway(
        async (cairn, oauth) => {
          const started = await startVerification(oauth);
          const link = await linkOf(oauth, started);
          const child = await startChild(cairn, { modules: MODULES, works: true, withChain: false, dieAt });
          expect((await wallet.answer(link)).status).to.equal(200);
          expect(await child.ended).to.equal("SIGKILL");
          cairn.startWorkers();
          await untilStatus(started, "verified");
          await expectOneCode(oauth, started);
        },
        { workers: false },
      );
    });
  }

  it("closes the session by polling when the process died after the wallet's answer, before it announced it", async () => {
    await withGateway(
      async (cairn, oauth) => {
        const started = await startVerification(oauth);
        await wallet.answer(await linkOf(oauth, started));
        await cairn.context.mongo.collection("webhook_inbox").deleteMany({});
        clock.moveSeconds(60);
        cairn.startWorkers();
        await untilStatus(started, "verified");
        await expectOneCode(oauth, started);
      },
      { workers: false },
    );
  });

  describe("registers a client", () => {
    const register = async (cairn: Fixture, more: object) => {
      const { mongo, keys } = cairn.context;
      const deps = { clients: createClientStore(mongo), sealer: createCredentialsSealer(keys), clock, queryProblems };
      return registerClient(deps, { name: "Shop", redirectUris: [REDIRECT_URI], scopes: [SCOPE], ...more });
    };

    it("only with a query that this verifier can ask, and without what a verifier elsewhere needs", async () => {
      await withGateway(
        async (cairn) => {
          expect((await register(cairn, {})).client.verifierUrl).to.equal(null);
          const [credential] = IDENTITY_QUERY.credentials;
          const dcql = { credentials: [{ ...credential, format: "mso_mdoc" }] };
          const refusal = (more: object) =>
            register(cairn, more).then(
              () => "registered",
              (error: unknown) => String(error),
            );
          expect(await refusal({ scopes: [{ ...SCOPE, dcql }] })).to.match(
            /the scope age asks for what cannot be asked here: credentials\.0/,
          );
          expect(await refusal({ verifierHeader: "Authorization: Bearer x" })).to.include("give its URL too");
        },
        { workers: false },
      );
    });

    it("whose scopes are all required, also beside one that has credential_sets", () => {
      const one = { name: "a", description: "a", dcql: { credentials: [{ id: "a" }, { id: "b" }] } };
      const sets = [{ options: [["c"], ["d"]], required: true }];
      const other = {
        name: "c",
        description: "c",
        dcql: { credentials: [{ id: "c" }, { id: "d" }], credential_sets: sets },
      };
      expect(combineQueries([one, other]).credential_sets).to.deep.equal([
        { options: [["a", "b"]], required: true },
        ...sets,
      ]);
      expect(combineQueries([one]).credential_sets).to.equal(undefined);
    });
  });
});
