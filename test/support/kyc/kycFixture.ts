import type { Config } from "../../../core/config/config";
import type { KycConfig } from "../../../core/config/kyc";
import { type Answer, ask } from "../ask";
import { type Fixture, fixture, type FixtureOptions } from "../fixture";

export interface KycFixtureOptions extends Omit<FixtureOptions, "config"> {
  kyc: KycConfig;
  /** How mail is carried; into the fixture's mailbox folder when absent. */
  mail?: Config["mail"];
}

/** What tests of KYC do with a fixture. */
export interface KycFixture extends Fixture {
  /** Where mail is written. */
  mailboxDir: string;
  /** A request with a fresh session of the user, who need not have an account, or of nobody. */
  call(
    method: string,
    path: string,
    options?: { userId?: string; body?: string | Buffer; headers?: Record<string, string> },
  ): Promise<Answer>;
  /** What is stored of a user's verification. */
  kycOf(userId: string): Promise<Record<string, unknown> | undefined>;
}

const FROM = "Cairn <no-reply@cairn.test>";

/** KYC, the inbox for its webhooks and the mail it sends, with their workers running unless `workers` is false. */
export async function kycFixture(name: string, options: KycFixtureOptions): Promise<KycFixture> {
  const { kyc, mail, ...rest } = options;
  const on = await fixture(name, {
    modules: ["kyc", "notifications", "inbox"],
    workers: true,
    ...rest,
    config: { kyc, ...(mail && { mail }) },
  });
  return {
    ...on,
    mailboxDir: mailboxOf(on),
    async call(method, path, { userId, body, headers } = {}) {
      const { sessions } = on.modules;
      const opened =
        userId === undefined ? undefined : await sessions.ports.openSession({ userId, userAgent: undefined });
      return ask(on.url + path, method, {
        token: opened?.token,
        body,
        headers: { "content-type": "text/plain", ...headers },
      });
    },
    async kycOf(userId) {
      const verifications = on.context.mongo.collection<{ _id: string }>("kyc_verifications");
      return (await verifications.findOne({ _id: userId })) ?? undefined;
    },
  };
}

/** Mail to a folder from whom these tests expect it. */
export function mailTo(folder: string): NonNullable<Config["mail"]> {
  return { from: FROM, mailboxDir: folder };
}

/** Mail to an SMTP server from whom these tests expect it. */
export function mailBySmtp(smtpUrl: string): NonNullable<Config["mail"]> {
  return { from: FROM, smtpUrl };
}

function mailboxOf({ contextOptions }: Fixture): string {
  return contextOptions.environment["MAILBOX_DIR"] ?? "";
}
