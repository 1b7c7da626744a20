import { expect } from "chai";
import { loadConfig } from "../../../core/config/config";
import { BootError } from "../../../core/errors";
import { DEVELOPMENT_SANDBOX_SECRET } from "../../../core/config/kyc";

const PERSONA = {
  KYC_PROVIDER: "persona",
  KYC_PERSONA_API_KEY: "persona_sandbox_0123",
  KYC_PERSONA_TEMPLATE_ID: "itmpl_1",
  KYC_PERSONA_WEBHOOK_SECRETS: "wbhsec_f81d4fae7dec, wbhsec_11d0a76500a0",
};

const PRODUCTION = {
  NODE_ENV: "production",
  MONGODB_URI: "mongodb://cairn:x7Qm2vTz@db.example.com/cairn?replicaSet=rs0",
  REDIS_URL: "rediss://:x7Qm2vTz@redis.example.com:6379",
  RPC_URL: "https://rpc.example.com",
  CHAIN_ID: "11155111",
  PUBLIC_URL: "https://id.example.com/",
  KEYSTORE_PASSPHRASE: "a passphrase of our own",
  RELAYER_PRIVATE_KEY: "0x4f3a9c1e7b52d860a1f4e93c5d7b208e6a9f1c3d5e7082b4c6d8fa0e1b3c5d79",
};

function problemsOf(processName: "api" | "worker", env: NodeJS.ProcessEnv): string[] {
  try {
    loadConfig(processName, env);
  } catch (error) {
    if (error instanceof BootError) return error.problems.map(({ subject }) => subject).sort();
    throw error;
  }
  throw new Error("the configuration was accepted");
}

describe("the configuration of KYC", () => {
  it("is the sandbox with a mailbox folder in development", () => {
    const { kyc, mail } = loadConfig("api", {});
    expect(kyc).to.deep.include({ provider: "sandbox", requiredFor: [], recheckSeconds: 600 });
    expect(kyc?.sandbox?.webhookSecrets).to.deep.equal([DEVELOPMENT_SANDBOX_SECRET]);
    expect(mail).to.deep.equal({ from: "Cairn <no-reply@localhost>", mailboxDir: ".cairn/mailbox" });
  });

  it("takes two secrets while they are rotated, and no third", () => {
    expect(loadConfig("api", PERSONA).kyc?.persona?.webhookSecrets).to.deep.equal([
      "wbhsec_f81d4fae7dec",
      "wbhsec_11d0a76500a0",
    ]);
    const three = { ...PERSONA, KYC_PERSONA_WEBHOOK_SECRETS: "wbhsec_aaa,wbhsec_bbb,wbhsec_ccc" };
    expect(problemsOf("api", three)).to.deep.equal(["KYC_PERSONA_WEBHOOK_SECRETS"]);
  });

  it("names everything a chosen or half-configured provider lacks", () => {
    expect(problemsOf("api", { KYC_PROVIDER: "sumsub" })).to.deep.equal(
      ["KYC_SUMSUB_APP_TOKEN", "KYC_SUMSUB_SECRET_KEY", "KYC_SUMSUB_LEVEL", "KYC_SUMSUB_WEBHOOK_SECRETS"].sort(),
    );
    expect(problemsOf("api", { KYC_STRIPE_API_KEY: "rk_live_1" })).to.deep.equal(["KYC_STRIPE_WEBHOOK_SECRETS"]);
  });

  it("configures a provider beside the chosen one", () => {
    const { kyc } = loadConfig("api", { ...PERSONA, KYC_VERIFF_API_KEY: "k", KYC_VERIFF_SHARED_SECRETS: "12345678" });
    expect(kyc).to.include.keys("persona", "veriff").and.not.to.have.any.keys("stripe", "onfido", "sumsub");
  });

  it("has no sandbox in production, whatever is chosen", () => {
    expect(problemsOf("api", { ...PRODUCTION, KYC_PROVIDER: "sandbox" })).to.deep.equal(["KYC_PROVIDER"]);
    expect(loadConfig("api", PRODUCTION)).not.to.have.any.keys("kyc", "mail");
    const { kyc } = loadConfig("api", { ...PRODUCTION, ...PERSONA });
    expect(kyc).not.to.have.property("sandbox");
  });

  it("asks production for a way to send mail", () => {
    expect(problemsOf("worker", { ...PRODUCTION, ...PERSONA })).to.deep.equal(["MAIL_FROM", "SMTP_URL"]);
    const env = {
      ...PRODUCTION,
      ...PERSONA,
      SMTP_URL: "smtps://u:p@mail.example.com",
      MAIL_FROM: "Cairn <id@example.com>",
    };
    expect(loadConfig("worker", env).mail).to.deep.equal({
      from: "Cairn <id@example.com>",
      smtpUrl: "smtps://u:p@mail.example.com",
    });
  });

  it("gives no secret to the indexer", () => {
    expect(loadConfig("indexer", PERSONA)).not.to.have.any.keys("kyc", "mail");
  });
});
