import type { Config } from "../../core/config/config";
import type { Mailer } from "./mail";
import { createMailboxMailer } from "./mailbox";
import { createSmtpMailer } from "./smtpMailer";

/** Carries mail the configured way: to an SMTP server, or in development into a folder. */
export function createMailer(mail: NonNullable<Config["mail"]>): Mailer {
  return "smtpUrl" in mail ? createSmtpMailer(mail.smtpUrl) : createMailboxMailer(mail.mailboxDir);
}
