import type { Config } from "../../core/config/config";
import type { Mailer } from "./mail";
import { openMailbox } from "./mailbox";
import { openSmtpMailer } from "./smtpMailer";

/** Carries mail the configured way: to an SMTP server, or in development into a folder. */
export function openMailer(mail: NonNullable<Config["mail"]>): Mailer {
  return "smtpUrl" in mail ? openSmtpMailer(mail.smtpUrl) : openMailbox(mail.mailboxDir);
}
