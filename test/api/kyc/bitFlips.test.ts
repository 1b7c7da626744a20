import { expect } from "chai";
import { KYC_PROVIDERS } from "../../../core/config/kyc";
import { createProviders } from "../../../api/kyc/providers/createProviders";
import type { SandboxStore } from "../../../api/kyc/sandbox/store";
import { MOCK_PROVIDERS } from "../../support/kyc/mockProviders";
import type { SignedDelivery } from "../../support/kyc/mockProvider";

const NOW = new Date("2026-03-01T12:00:00Z");
const clock = { now: () => NOW };
/** For each of the six providers: 100,000 in all. */
const FLIPS = Math.ceil(100_000 / KYC_PROVIDERS.length);

describe("signed deliveries", () => {
  for (const name of KYC_PROVIDERS) {
    it(`of ${name} are rejected when one bit differs, in ${FLIPS} tries`, async () => {
      const mock = await MOCK_PROVIDERS[name]();
      try {
        const kyc = { provider: name, returnUrl: undefined, requiredFor: [], recheckSeconds: 1, ...mock.config };
        const parts = { clock, sandbox: {} as SandboxStore, publicUrl: "https://id.example" };
        const { chosen } = createProviders(kyc, parts);
        const options = { signedAtSeconds: NOW.getTime() / 1000, occurredAt: NOW };
        const genuine = mock.sign("session-1", "approved", options);
        const verdictOn = ({ headers, body }: SignedDelivery) =>
          chosen.verifyDelivery({ header: (header) => headers[header], body }, NOW);
        expect(verdictOn(genuine)).to.equal(undefined);

        let tried = 0;
        let accepted = 0;
        const tryOne = (delivery: SignedDelivery) => {
          tried += 1;
          if (verdictOn(delivery) === undefined) accepted += 1;
        };
        for (const header of mock.signedHeaders) {
          const value = Buffer.from(genuine.headers[header] ?? "", "latin1");
          for (const flipped of flips(value)) {
            tryOne({ ...genuine, headers: { ...genuine.headers, [header]: flipped.toString("latin1") } });
          }
        }
        const bits = genuine.body.length * 8;
        for (let turn = 0; tried < FLIPS; turn += 1) {
          // Every bit of the body in turn, each pass with another time, so that no two deliveries are the same.
          const again = mock.sign("session-1", "approved", {
            ...options,
            occurredAt: new Date(turn - (turn % bits)),
          });
          const body = Buffer.from(again.body);
          const bit = turn % (body.length * 8);
          body[bit >> 3] = (body[bit >> 3] ?? 0) ^ (1 << (bit & 7));
          tryOne({ ...again, body });
        }
        expect(tried).to.equal(FLIPS);
        expect(accepted).to.equal(0);
      } finally {
        await mock.close();
      }
    });
  }
});

/** A buffer with one bit flipped, for every bit of it in turn. */
function* flips(value: Buffer): Generator<Buffer> {
  for (let bit = 0; bit < value.length * 8; bit += 1) {
    const flipped = Buffer.from(value);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    yield flipped;
  }
}
