import { expect } from "chai";
import { presentationFlowPart } from "../../../core/config/presentationFlow";

const read = (given: Record<string, string>, production = false) =>
  presentationFlowPart.read(given, { processName: "api", production });

const INJI = { PRESENTATION_INJI_URL: "https://verify.example/v1/verify/", PRESENTATION_INJI_CLIENT_ID: "cairn" };

describe("the configuration of flows", () => {
  it("is the requirement's by default: 300 s, 30 polls of 2 s, and Cairn verifies itself", () => {
    expect(read({}).values?.presentationFlow).to.deep.equal({
      sessionSeconds: 300,
      pollMs: 2_000,
      maxPolls: 30,
      maxQrPolls: 150,
      inji: null,
    });
  });

  it("has an Inji Verify by its base URL, with 30 s and three retries by default", () => {
    expect(read(INJI).values?.presentationFlow.inji).to.deep.equal({
      baseUrl: "https://verify.example/v1/verify",
      clientId: "cairn",
      walletUrl: null,
      timeoutMs: 30_000,
      retries: 3,
      retryMs: 1_000,
    });
  });

  it("takes each of them from its variable", () => {
    const given = {
      ...INJI,
      PRESENTATION_FLOW_SECONDS: "60",
      PRESENTATION_FLOW_POLL_MS: "500",
      PRESENTATION_FLOW_MAX_POLLS: "7",
      PRESENTATION_FLOW_QR_MAX_POLLS: "9",
      PRESENTATION_INJI_WALLET_URL: "https://wallet.example/authorize",
      PRESENTATION_INJI_TIMEOUT_MS: "1000",
      PRESENTATION_INJI_RETRIES: "0",
      PRESENTATION_INJI_RETRY_MS: "50",
    };
    const { inji, ...flow } = read(given).values!.presentationFlow;
    expect(flow).to.deep.equal({ sessionSeconds: 60, pollMs: 500, maxPolls: 7, maxQrPolls: 9 });
    expect(inji).to.include({
      walletUrl: "https://wallet.example/authorize",
      timeoutMs: 1_000,
      retries: 0,
      retryMs: 50,
    });
  });

  it("names what is missing, and in production what is not https", () => {
    const subjects = (given: Record<string, string>, production?: boolean) =>
      read(given, production).problems.map(({ subject }) => subject);
    expect(subjects({ PRESENTATION_INJI_URL: "https://verify.example" })).to.deep.equal([
      "PRESENTATION_INJI_CLIENT_ID",
    ]);
    const plain = {
      PRESENTATION_INJI_URL: "http://verify.example",
      PRESENTATION_INJI_CLIENT_ID: "cairn",
      PRESENTATION_INJI_WALLET_URL: "HTTP://wallet.example",
    };
    expect(subjects(plain)).to.deep.equal([]);
    expect(subjects(plain, true)).to.deep.equal(["PRESENTATION_INJI_URL", "PRESENTATION_INJI_WALLET_URL"]);
    expect(subjects({ PRESENTATION_INJI_URL: "ftp://verify.example", PRESENTATION_INJI_CLIENT_ID: "c" })).to.deep.equal(
      ["PRESENTATION_INJI_URL"],
    );
  });
});
