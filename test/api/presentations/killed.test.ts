import { expect } from "chai";
import { createPresentationStore } from "../../../api/presentations/store";
import { createDeliveryStore } from "../../../api/webhooks/delivery/store";
import { ask } from "../../support/ask";
import type { CrashPoint } from "../../support/crashPoints";
import { type Asked, type RelyingParty, relyingParty, RETURN_URL } from "../../support/presentations/relyingParty";
import { IDENTITY_QUERY } from "../../support/presentations/trustedIssuer";
import { newVerifier } from "../../support/credentialActors";
import { eventually } from "../../support/eventually";
import { encrypt, post, readRequest, submit } from "../../support/presentations/wallet";
import { startChild } from "../../support/startChild";
import { startWebhookReceiver } from "../../support/webhookReceiver";

type Death = { dieAt: string } | { crash: CrashPoint };

const SAME_DEVICE = { flow: "same_device", redirectUri: RETURN_URL };

/** Every moment around the write that closes a request, and whether it is closed by then. */
const AROUND_THE_WRITE: { moment: string; death: Death; closed: boolean }[] = [
  { moment: "when it has decided", death: { dieAt: "presentation.decided" }, closed: false },
  { moment: "right before the write", death: update("before"), closed: false },
  { moment: "right after the write", death: update("after"), closed: true },
  { moment: "before the 200", death: { dieAt: "presentation.closed" }, closed: true },
];

/** Every moment around the write that records a first read. */
const AROUND_THE_READ: { moment: string; death: Death; taken: boolean }[] = [
  { moment: "before it is recorded", death: update("before"), taken: false },
  { moment: "right after it is recorded", death: update("after"), taken: true },
  { moment: "before the result is sent", death: { dieAt: "presentation.taken" }, taken: true },
];

/** Every moment between the write that closes a request and the one that says that its owner was told. */
const BEFORE_THE_OWNER_IS_TOLD: { moment: string; crash: CrashPoint }[] = [
  { moment: "right after the write that closed it", crash: { mongo: "update presentations", when: "after", nth: 1 } },
  { moment: "before the webhook is stored", crash: { mongo: "insert webhook_deliveries", when: "before", nth: 1 } },
  { moment: "after the webhook was stored", crash: { mongo: "insert webhook_deliveries", when: "after", nth: 1 } },
  { moment: "before it says that it was told", crash: { mongo: "update presentations", when: "before", nth: 2 } },
];

describe("an API process that is killed", () => {
  let party: RelyingParty;
  before(async () => {
    party = await relyingParty("presentation-kills", { modules: ["presentations", "verification", "delivery"] });
  });
  after(() => party.close());

  const stored = async ({ requestId }: Pick<Asked, "requestId">) =>
    (await createPresentationStore(party.on.context).find(requestId))!;

  for (const { moment, death, closed } of AROUND_THE_WRITE) {
    it(`while it takes a response, ${moment}, leaves the request ${closed ? "closed" : "open"}; the same response again has one outcome`, async () => {
      const asked = await party.ask(SAME_DEVICE);
      const { claims } = asked.request;
      const response = await encrypt(claims, { vp_token: party.token(asked.request), state: claims.state });
      await killWith(death, (url) => post(`${url}/vp-submission/direct-post`, { response }));

      const before = await stored(asked);
      expect(before.status).to.equal(closed ? "VP_SUBMITTED" : "ACTIVE");
      expect(before.attempts).to.equal(0);
      const again = await post(claims.response_uri, { response });
      expect(again.status, again.text).to.equal(200);
      if (closed) expect(await stored(asked)).to.deep.equal(before);
      const other = await submit(asked.request, party.token(asked.request));
      expect(other.status, "another response").to.equal(400);
      const code = new URL(again.body["redirect_uri"] as string).searchParams.get("response_code") ?? "";
      const result = await party.result(asked.transactionId, { code });
      expect(result.body, result.text).to.include({ result: "valid" });
    });
  }

  for (const { moment, death, taken } of AROUND_THE_READ) {
    it(`while it reads a result, ${moment}, leaves it ${taken ? "taken" : "unread"}, and the owner reads it again`, async () => {
      const asked = await party.ask();
      expect((await submit(asked.request, party.token(asked.request))).status).to.equal(200);
      const { apiKey } = party.verifier;
      await killWith(death, (url) => ask(`${url}/vp-result/${asked.transactionId}`, "GET", { token: apiKey }));

      const { takenAt } = await stored(asked);
      expect(takenAt !== null).to.equal(taken);
      const result = await party.result(asked.transactionId);
      expect(result.body, result.text).to.include({ result: "valid" });
      expect(result.body["verificationDetails"].credentials).to.have.length(1);
      if (taken) expect((await stored(asked)).takenAt).to.deep.equal(takenAt);
    });
  }

  it("between taking a response code and recording the read has the code open the result again", async () => {
    const asked = await party.ask(SAME_DEVICE);
    const { body } = await submit(asked.request, party.token(asked.request));
    const code = new URL(body["redirect_uri"] as string).searchParams.get("response_code") ?? "";
    const { apiKey } = party.verifier;
    await killWith(update("after"), (url) =>
      ask(`${url}/vp-result/${asked.transactionId}?response_code=${code}`, "GET", { token: apiKey }),
    );
    expect(await stored(asked))
      .to.include({ takenAt: null })
      .and.not.include({ responseCodeUsedAt: null });
    expect((await party.result(asked.transactionId, { code })).body).to.include({ result: "valid" });
  });

  for (const { moment, crash } of BEFORE_THE_OWNER_IS_TOLD) {
    it(`${moment} still has the owner's webhook delivered, once`, async () => {
      const receiver = await startWebhookReceiver();
      party.on.startWorkers();
      try {
        const { apiKey: token } = await newVerifier(party.on, "Informed", receiver.url);
        const body = { dcql_query: IDENTITY_QUERY };
        const created = await party.on.ask("POST", "/management/api/verifications", { token, body });
        expect(created.status, created.text).to.equal(200);
        const request = await readRequest(String(created.body["verification_deeplink"]));
        const { claims } = request;
        const response = await encrypt(claims, { vp_token: party.token(request), state: claims.state });
        // The webhook is handed over beside the answer, so that either may be first.
        await killAround({ crash }, (url) => post(`${url}/vp-submission/direct-post`, { response }));

        const requestId = created.body["id"];
        const id = `msg_${requestId}`;
        await eventually("the webhook to be delivered", async () => {
          const delivery = await createDeliveryStore(party.on.context.mongo).find(id);
          return delivery !== null && delivery.deliveredAt !== null;
        });
        await eventually("nobody to be left to tell", async () => {
          const { verdict, announcementPendingSince } = await stored({ requestId });
          return verdict?.result === "valid" && announcementPendingSince === null;
        });
        expect(receiver.received.map((message) => message.id)).to.deep.equal([id]);
        expect(JSON.parse(receiver.received[0]!.body)).to.include({ verification_id: requestId });
      } finally {
        await party.on.stopWorkers();
        receiver.close();
      }
    });
  }

  async function killWith(death: Death, send: (url: string) => Promise<unknown>): Promise<void> {
    const sent = await killAround(death, send);
    expect(sent, "an answer of a process that was killed before it answered").to.equal(undefined);
  }

  async function killAround(death: Death, send: (url: string) => Promise<unknown>): Promise<unknown> {
    const modules = ["presentations", "verification", "delivery"] as const;
    const doomed = await startChild(party.on, { modules: [...modules], serves: true, withChain: false, ...death });
    const sent = send(doomed.url).catch(() => undefined);
    expect(await doomed.ended).to.equal("SIGKILL");
    return sent;
  }
});

/** The first write to a request. */
function update(when: "before" | "after"): Death {
  return { crash: { mongo: "update presentations", when, nth: 1 } };
}
