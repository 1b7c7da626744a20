import { expect } from "chai";
import { createPresentationStore } from "../../../../api/presentations/store";
import { eventually } from "../../../support/eventually";
import { type MovableClock, movableClock } from "../../../support/fakeClock";
import { type RelyingParty, relyingParty } from "../../../support/presentations/relyingParty";
import { submit } from "../../../support/presentations/wallet";

const UNREAD_SECONDS = 7_200;

describe("what was presented", () => {
  let clock: MovableClock;
  let party: RelyingParty;

  beforeEach(async () => {
    clock = movableClock();
    party = await relyingParty("erasure", { clock, config: { presentations: { unreadSeconds: UNREAD_SECONDS } } });
  });
  afterEach(() => party.close());

  it("is read again within a minute of the first read, and answers 410 from then on", async () => {
    const { transactionId } = await answered();
    const first = await party.result(transactionId);
    expect(first.status, first.text).to.equal(200);
    clock.moveSeconds(55);
    expect((await party.result(transactionId)).body).to.deep.equal(first.body);
    clock.moveSeconds(6);
    await expectGone(transactionId);
  });

  it("is erased by the worker a minute after the first read, and the verdict stays", async () => {
    const { transactionId, requestId } = await answered();
    expect((await party.result(transactionId)).status).to.equal(200);
    party.on.startWorkers();
    clock.moveSeconds(61);
    await expectErased(requestId);
    await expectGone(transactionId);
  });

  it("is erased when nobody reads it in time, and answers 410 whether or not the worker ran", async () => {
    const { transactionId, requestId } = await answered();
    clock.moveSeconds(UNREAD_SECONDS + 1);
    await expectGone(transactionId);
    party.on.startWorkers();
    await expectErased(requestId);
    await expectGone(transactionId);
  });

  it("stays when neither time has passed", async () => {
    const { requestId } = await answered();
    const presentations = createPresentationStore(party.on.context);
    const now = clock.now().getTime();
    expect(await presentations.eraseTaken(new Date(now))).to.equal(0);
    expect(await presentations.eraseUnread(new Date(now - UNREAD_SECONDS * 1000))).to.equal(0);
    expect((await presentations.find(requestId))?.credentials).to.have.length(1);
  });

  it("is not shown as an empty result when it was erased and the time made longer since", async () => {
    const { transactionId } = await answered();
    expect(await createPresentationStore(party.on.context).eraseUnread(clock.now())).to.equal(1);
    await expectGone(transactionId);
  });

  async function answered() {
    const asked = await party.ask();
    const submitted = await submit(asked.request, party.token(asked.request));
    expect(submitted.status, submitted.text).to.equal(200);
    return asked;
  }

  async function expectGone(transactionId: string): Promise<void> {
    const gone = await party.result(transactionId);
    expect(gone.status, gone.text).to.equal(410);
    expect(gone.body.code).to.equal("presentation.result_taken");
    expect(gone.text).not.to.contain("Ada");
  }

  async function expectErased(requestId: string): Promise<void> {
    const presentations = createPresentationStore(party.on.context);
    await eventually(
      "the claims to be erased",
      async () => (await presentations.find(requestId))?.credentials === null,
    );
    const request = await presentations.find(requestId);
    expect(request).to.include({ status: "VP_SUBMITTED", encryptionKey: null });
    expect(request?.verdict).to.include({ result: "valid", reason: null });
  }
});
