import { expect } from "chai";
import { createPresentationStore } from "../../../api/presentations/store";
import { ask } from "../../support/ask";
import type { CrashPoint } from "../../support/crashPoints";
import { type Asked, type RelyingParty, relyingParty, RETURN_URL } from "../../support/presentations/relyingParty";
import { encrypt, post, submit } from "../../support/presentations/wallet";
import { startChild } from "../../support/startChild";

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

describe("an API process that is killed", () => {
  let party: RelyingParty;
  before(async () => void (party = await relyingParty("presentation-kills")));
  after(() => party.close());

  const stored = async ({ requestId }: Asked) => (await createPresentationStore(party.on.context).find(requestId))!;

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

  async function killWith(death: Death, send: (url: string) => Promise<unknown>): Promise<void> {
    const modules = ["presentations", "verification"] as const;
    const doomed = await startChild(party.on, { modules: [...modules], serves: true, withChain: false, ...death });
    const sent = send(doomed.url).catch(() => undefined);
    expect(await doomed.ended).to.equal("SIGKILL");
    expect(await sent, "an answer of a process that was killed before it answered").to.equal(undefined);
  }
});

/** The first write to a request. */
function update(when: "before" | "after"): Death {
  return { crash: { mongo: "update presentations", when, nth: 1 } };
}
