import { z } from "zod";
import { configPart, missingInProduction } from "./part";
import { urlWith } from "./variables";

export const mailPart = configPart({
  environment: {
    SMTP_URL: urlWith("smtp:", "smtps:").optional(),
    MAIL_FROM: z.string().min(3).default("Cairn <no-reply@localhost>"),
    MAILBOX_DIR: z.string().min(1).default(".cairn/mailbox"),
  },
  problems(given, { processName, production }) {
    if (!production || processName !== "worker" || given["KYC_PROVIDER"] === undefined) return [];
    // The worker mails KYC decisions, with a link.
    const fixes = {
      SMTP_URL: "give the server that takes mail, smtps://user:password@host:465",
      MAIL_FROM: "give the sender, Name <address@your.domain>",
    };
    const absent = Object.entries(fixes).filter(([variable]) => given[variable] === undefined);
    return absent.map(([variable, fix]) => missingInProduction(variable, fix));
  },
  shape(env, { processName, production }): { mail?: MailConfig } {
    if (processName !== "api" && processName !== "worker") return {};
    if (env.SMTP_URL !== undefined) return { mail: { from: env.MAIL_FROM, smtpUrl: env.SMTP_URL } };
    return production ? {} : { mail: { from: env.MAIL_FROM, mailboxDir: env.MAILBOX_DIR } };
  },
});

/** Mail goes to an SMTP server, or in development to a folder; absent in production without SMTP_URL. */
type MailConfig = { from: string } & ({ smtpUrl: string } | { mailboxDir: string });
