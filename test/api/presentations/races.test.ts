import { expect } from "chai";
import { createPresentationStore } from "../../../api/presentations/store";
import { type RelyingParty, relyingParty, RETURN_URL } from "../../support/presentations/relyingParty";
import { encrypt, post, submit } from "../../support/presentations/wallet";

const RACERS = 64;
const SAME_DEVICE = { flow: "same_device", redirectUri: RETURN_URL };

describe(`${RACERS} at once`, () => {
  let party: RelyingParty;
  let startLine: StartLine | undefined;
  before(async () => {
    const onStep = async (step: string) => {
      if (step === "presentation.decided") await startLine?.arrive();
    };
    party = await relyingParty("presentation-races", { onStep });
  });
  after(() => party.close());
  afterEach(() => void (startLine = undefined));

  const times = <Value>(make: () => Promise<Value>) => Promise.all(Array.from({ length: RACERS }, make));

  it("different responses, all decided before any is written: one wins, the others are rejected", async () => {
    const asked = await party.ask(SAME_DEVICE);
    startLine = createStartLine(RACERS);
    const answers = await times(() => submit(asked.request, party.token(asked.request)));
    const won = answers.filter(({ status }) => status === 200);
    expect(won).to.have.length(1);
    expect(answers.filter(({ status }) => status === 400)).to.have.length(RACERS - 1);
    const code = codeOf(won[0]?.body["redirect_uri"]);
    expect((await party.result(asked.transactionId, { code })).body).to.include({ result: "valid" });
  });

  it("valid and invalid responses: the verdict is the winner's, whole", async () => {
    const expired = await party.issueAs(party.issuer, { claims: { exp: 1_600_000_000 } });
    const asked = await party.ask();
    startLine = createStartLine(RACERS);
    let place = 0;
    const answers = await times(() => {
      const credential = (place += 1) % 2 === 0 ? expired : party.issued;
      return submit(asked.request, party.token(asked.request, {}, credential));
    });
    expect(answers.filter(({ status }) => status === 200)).to.have.length(1);
    const request = await createPresentationStore(party.on.context).find(asked.requestId);
    const isValid = request?.verdict?.result === "valid";
    expect(request?.verdict?.reason).to.equal(isValid ? null : "credential_expired");
    expect(request?.credentials === null).to.equal(!isValid);
  });

  it("times the same response: one is written, all have the same answer", async () => {
    const asked = await party.ask(SAME_DEVICE);
    const { claims } = asked.request;
    const response = await encrypt(claims, { vp_token: party.token(asked.request), state: claims.state });
    startLine = createStartLine(RACERS);
    const answers = await times(() => post(claims.response_uri, { response }));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).to.equal(1);
    expect(answers[0]?.status, answers[0]?.text).to.equal(200);
    expect(party.on.log().split(`"requestId":"${asked.requestId}","verifierId"`)).to.have.length(2);
  });

  it("responses that prove nothing: the request is closed, once, as invalid", async () => {
    const asked = await party.ask();
    const answers = await times(() => submit(asked.request, party.token(asked.request, { kb: { nonce: "x" } })));
    expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([400]));
    expect((await party.result(asked.transactionId)).body).to.include({ result: "invalid", reason: "nonce_mismatch" });
  });

  it("reads of one result: each has it whole, and the first is recorded once", async () => {
    const asked = await party.ask();
    await submit(asked.request, party.token(asked.request));
    const results = await times(() => party.result(asked.transactionId));
    expect(new Set(results.map(({ status, text }) => `${status} ${text}`)).size).to.equal(1);
    expect(results[0]?.status, results[0]?.text).to.equal(200);
    const presentations = createPresentationStore(party.on.context);
    const { takenAt } = (await presentations.find(asked.requestId))!;
    expect(await presentations.markTaken(asked.requestId, new Date())).to.equal(false);
    expect((await presentations.find(asked.requestId))?.takenAt).to.deep.equal(takenAt);
  });

  it("reads with a guessed code beside one with the right code: that one alone has the result", async () => {
    const asked = await party.ask(SAME_DEVICE);
    const { body } = await submit(asked.request, party.token(asked.request));
    const right = codeOf(body["redirect_uri"]);
    let place = 0;
    const results = await times(() =>
      party.result(asked.transactionId, { code: (place += 1) === 32 ? right : "guess" }),
    );
    expect(results.filter(({ status }) => status === 200)).to.have.length(1);
    expect(results.filter(({ status }) => status === 400)).to.have.length(RACERS - 1);
  });
});

interface StartLine {
  arrive(): Promise<void>;
}

/** Holds whoever arrives until all have. */
function createStartLine(count: number): StartLine {
  let arrived = 0;
  let release: () => void;
  const released = new Promise<void>((resolve) => (release = resolve));
  return {
    arrive() {
      arrived += 1;
      if (arrived === count) release();
      return released;
    },
  };
}

function codeOf(redirectUri: unknown): string {
  return new URL(String(redirectUri)).searchParams.get("response_code") ?? "";
}
